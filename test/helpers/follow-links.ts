import { fetchText } from "../../src/kernel/debian/mirror.ts";
import { asBangerError } from "../../src/lib/errors.ts";
import { parseReference } from "../../src/oci/source/reference.ts";
import { openRegistrySource } from "../../src/oci/registry/registry-source.ts";
import { UrlSource } from "../../src/oci/registry/url-source.ts";

// usage: follow-links.ts DOCKER_FOLDER: does what each line of a JSON list on stdin says, as banger does it; prints a list
// of what came of each. "web URL" gets a file, "debian URL" gets one as packages are got, "image REFERENCE" a manifest.
const [dockerConfigFolder = ""] = process.argv.slice(2);
const { signal } = new AbortController();
const retry = { attempts: 1, firstPauseMs: 1, maxPauseMs: 1 };
const pace = { stallMs: 3_000, minBytesPerSecond: 1, graceMs: 3_000 };
const options = { env: {}, certificatesFolder: "/does/not/exist", dockerConfigFolder, retry, pace };

async function follow(how: string, where: string): Promise<string> {
  if (how === "debian") return fetchText(where, 1000, signal);
  if (how === "web") {
    using source = await UrlSource.open(new URL(where), options);
    return (await source.read(1000, "file", signal)).toString();
  }
  const reference = parseReference(where);
  if (reference.kind !== "registry") throw new Error(where);
  await using source = openRegistrySource(reference, { ...options, insecure: [reference.registry] });
  return (await source.manifest(undefined, signal)).data.toString();
}

let input = "";
for await (const chunk of process.stdin) input += String(chunk);
const said: string[] = [];
for (const line of JSON.parse(input) as string[]) {
  const [how = "", where = ""] = line.split(" ");
  said.push(
    await follow(how, where).catch((error: unknown) => {
      const { code, message, why } = asBangerError(error);
      return `${code}: ${message}; ${why}`;
    }),
  );
}
console.log(JSON.stringify(said));
