/** Requests and fields by the minor release of 1.x that first took them; what is older than 1.14 is not listed. */
const SINCE: Readonly<Record<string, number>> = {
  "/serial": 14,
  "/pmem": 14,
  "/hotplug": 14,
  "/serial rate_limiter": 16,
  "/snapshot/load vsock_override": 16,
  "/snapshot/load clock_realtime": 16,
  "/snapshot/load huge_pages": 17,
  "/metrics properties": 17,
  "/network-interfaces mtu": 16,
};

/** A value of `huge_pages`, which itself is older. */
const TRANSPARENT_SINCE = 17;

/**
 * What a release would not know in a request, in words: the description beside us is the newest, and older ones refuse
 * what they have not heard of.
 *
 * @param version as in `1.16.1`.
 */
export function tooNew(version: string, path: string, body: unknown): string | undefined {
  const ours = minorOf(version);
  const fields = typeof body === "object" && body !== null ? Object.keys(body) : [];
  const asked = [...prefixes(path), ...prefixes(path).flatMap((prefix) => fields.map((field) => `${prefix} ${field}`))];
  if (Object(body)["huge_pages"] === "Transparent" && ours < TRANSPARENT_SINCE) return "unknown variant `Transparent`";
  const found = asked.find((what) => (SINCE[what] ?? 0) > ours);
  if (found === undefined) return undefined;
  const [, field] = found.split(" ");
  return field === undefined ? `Invalid request method and/or path: ${path}.` : `unknown field \`${field}\``;
}

export function minorOf(version: string): number {
  return Number(version.split(".")[1]);
}

/** `/a/b/c` → `/a`, `/a/b`, `/a/b/c`. */
function prefixes(path: string): readonly string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
}
