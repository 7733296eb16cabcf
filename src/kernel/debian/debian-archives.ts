import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { hasErrno } from "../../lib/errors.ts";
import type { ArchiveKeys, AptSource } from "./apt-sources.ts";

/** One suite of a Debian archive to look in. */
export interface DebianArchive {
  /** Without a slash at the end. */
  readonly mirror: string;
  readonly suite: string;
  readonly keys: ArchiveKeys;
  /** Named by the host's apt alone: passed over, not refused, when it turns out not to be Debian's. */
  readonly assumed: boolean;
}

/** Whether an archive only adds to a release, which stands without it: as for apt, an old kernel is better than none. */
export function isSupplement(archive: DebianArchive): boolean {
  return /-(?:updates|security)$/.test(archive.suite);
}

/** What a user set in place of what the host says. */
export interface ArchiveChoice {
  readonly mirror?: string;
  readonly suite?: string;
  readonly keyrings?: readonly string[];
}

/** What /etc/os-release says (os-release(5)). */
export interface HostRelease {
  readonly id: string;
  readonly codename: string | undefined;
}

const DEFAULT_MIRROR = "http://deb.debian.org/debian";
const DEFAULT_SECURITY_MIRROR = "http://deb.debian.org/debian-security";
const DEFAULT_SUITE = "bookworm";
/** Names that move from release to release, which sources.list may use instead of a codename. */
const MOVING_SUITES = ["stable", "oldstable", "testing", "unstable", "sid"];

/** Where Debian's package of keys puts them; the second name came with Debian 13. */
export const DEBIAN_KEYRINGS = [
  "/usr/share/keyrings/debian-archive-keyring.gpg",
  "/usr/share/keyrings/debian-archive-keyring.pgp",
];

/**
 * Which archives to look in: what the user chose, else what a Debian host's apt uses, else Debian's own.
 *
 * Of the host's sources only the release with its updates and security fixes counts: a kernel from backports is not
 * what apt would install either.
 */
export function planArchives(
  host: { readonly release: HostRelease; readonly sources: readonly AptSource[] },
  choice: ArchiveChoice,
  arch: string,
): DebianArchive[] {
  const ownKeys: ArchiveKeys = { kind: "files", paths: choice.keyrings ?? DEBIAN_KEYRINGS };
  const hostCodename = host.release.id === "debian" ? host.release.codename : undefined;
  const suite = choice.suite ?? hostCodename ?? DEFAULT_SUITE;
  if (choice.mirror !== undefined) {
    return [{ mirror: choice.mirror.replace(/\/+$/, ""), suite, keys: ownKeys, assumed: false }];
  }

  const wanted = new Set(
    (suite === hostCodename ? [suite, ...MOVING_SUITES] : [suite]).flatMap((s) => [s, `${s}-updates`, `${s}-security`]),
  );
  const archives = new Map<string, DebianArchive>();
  for (const source of host.release.id === "debian" ? host.sources : []) {
    if (!/^https?:\/\//.test(source.mirror) || !wanted.has(source.suite) || !source.components.includes("main"))
      continue;
    if (source.architectures.length > 0 && !source.architectures.includes(arch)) continue;
    archives.set(`${source.mirror} ${source.suite}`, {
      mirror: source.mirror,
      suite: source.suite,
      keys: choice.keyrings === undefined ? (source.keys ?? ownKeys) : ownKeys,
      assumed: true,
    });
  }
  if (archives.size > 0) return [...archives.values()];
  return [
    { mirror: DEFAULT_MIRROR, suite, keys: ownKeys, assumed: false },
    // Unstable has no security archive: what it has is always the newest.
    ...(suite === "sid" || suite === "unstable"
      ? []
      : [{ mirror: DEFAULT_SECURITY_MIRROR, suite: `${suite}-security`, keys: ownKeys, assumed: false }]),
  ];
}

/** @param root where the host's file system begins: `/` outside of tests. */
export async function readHostRelease(root = "/"): Promise<HostRelease> {
  let text: string;
  try {
    text = await readFile(join(root, "etc/os-release"), "utf8");
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
    return { id: "unknown", codename: undefined };
  }
  const value = (name: string): string | undefined =>
    new RegExp(`^${name}=["']?([^"'\\n]*)["']?$`, "m").exec(text)?.[1];
  return { id: value("ID") ?? "unknown", codename: value("VERSION_CODENAME") };
}
