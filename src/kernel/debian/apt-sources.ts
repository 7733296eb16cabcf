import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { hasErrno } from "../../lib/errors.ts";
import { parseDeb822, words, type Stanza } from "./deb822.ts";

/** Where the keys are that may sign an archive. */
export type ArchiveKeys =
  | { readonly kind: "files"; readonly paths: readonly string[] }
  | { readonly kind: "inline"; readonly armored: string };

/** One suite of one archive that this host's apt uses (sources.list(5)). */
export interface AptSource {
  /** Without a slash at the end. */
  readonly mirror: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Empty where the source does not limit them. */
  readonly architectures: readonly string[];
  /** Undefined where the source names none, or names them by fingerprint. */
  readonly keys: ArchiveKeys | undefined;
}

/**
 * The binary package sources of this host's apt; none on a host without apt.
 *
 * @param root where the host's file system begins: `/` outside of tests.
 */
export async function readAptSources(root = "/"): Promise<AptSource[]> {
  const apt = join(root, "etc/apt");
  const files = [join(apt, "sources.list")];
  for (const name of (await namesIn(join(apt, "sources.list.d"))).sort()) {
    if (/^[\w.-]+\.(?:list|sources)$/.test(name)) files.push(join(apt, "sources.list.d", name));
  }
  const sources: AptSource[] = [];
  for (const path of files) {
    const text = await textOf(path);
    sources.push(...(path.endsWith(".sources") ? parseSources(text) : parseSourcesList(text)));
  }
  return sources;
}

/** The one-line style: `deb [signed-by=/path] http://deb.debian.org/debian bookworm main`. */
export function parseSourcesList(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/.exec(line);
    if (match === null) continue;
    const [, optionText = "", uri = "", suite = "", components = ""] = match;
    const options = new Map(optionText.split(/\s+/).map((option) => splitOnce(option, "=")));
    sources.push({
      mirror: withoutSlash(uri),
      suite,
      components: components.trim().split(/\s+/),
      architectures: commaList(options.get("arch")),
      keys: keyFiles(commaList(options.get("signed-by"))),
    });
  }
  return sources;
}

/** The deb822 style: paragraphs with Types, URIs, Suites, Components, Signed-By. */
export function parseSources(text: string): AptSource[] {
  return parseDeb822(text).flatMap((stanza) => {
    if (
      !words(stanza, "Types").includes("deb") ||
      /^(?:no|false|without|off|disable)$/i.test(stanza.get("enabled") ?? "")
    )
      return [];
    return words(stanza, "URIs").flatMap((uri) =>
      words(stanza, "Suites").map((suite) => ({
        mirror: withoutSlash(uri),
        suite,
        components: words(stanza, "Components"),
        architectures: words(stanza, "Architectures"),
        keys: signedBy(stanza),
      })),
    );
  });
}

function signedBy(stanza: Stanza): ArchiveKeys | undefined {
  const value = stanza.get("signed-by") ?? "";
  if (value.includes("-----BEGIN PGP PUBLIC KEY BLOCK-----")) return { kind: "inline", armored: `${value.trim()}\n` };
  return keyFiles(value.split(/[\s,]+/));
}

function keyFiles(values: readonly string[]): ArchiveKeys | undefined {
  const paths = values.filter((value) => value.startsWith("/"));
  return paths.length === 0 ? undefined : { kind: "files", paths };
}

function commaList(value: string | undefined): string[] {
  return (value ?? "").split(",").filter((item) => item !== "");
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}

function withoutSlash(uri: string): string {
  return uri.replace(/\/+$/, "");
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (isUnreadable(error)) return [];
    throw error;
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isUnreadable(error)) return "";
    throw error;
  }
}

/** Files of other archives may be root's own (they can hold passwords): apt's main archive never is. */
function isUnreadable(error: unknown): boolean {
  return hasErrno(error, "ENOENT") || hasErrno(error, "EACCES") || hasErrno(error, "ENOTDIR");
}
