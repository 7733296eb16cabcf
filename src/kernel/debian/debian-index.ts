import { createReadStream } from "node:fs";
import { BangerError } from "../../lib/errors.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { invalidArchive, type ByteStream } from "../../formats/byte-reader.ts";
import { parseDeb822, type Stanza } from "./deb822.ts";
import type { DebianArchive } from "./debian-archives.ts";
import { decompress } from "../../formats/compression/decompress.ts";
import { download } from "./download.ts";
import { fetchText } from "./mirror.ts";
import { reporting } from "../../lib/reporting.ts";
import { checkRelease, parseRelease, type Release } from "./release-file.ts";
import { untrusted, verifySignedText } from "./signed-text.ts";

/** Debian's InRelease files are some 200 kB. */
const MAX_RELEASE_BYTES = 16 * 1024 ** 2;
/** Debian's largest Packages is 50 MB, 9 MB packed. */
const MAX_INDEX_BYTES = 512 * 1024 ** 2;
/** Its longest stanza is some 20 kB. */
const MAX_STANZA_BYTES = 1024 ** 2;

/** A package that an archive offers, as its verified index describes it. */
export interface OfferedPackage {
  readonly archive: DebianArchive;
  readonly name: string;
  readonly version: string;
  readonly depends: string;
  /** Below the mirror. */
  readonly filename: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface IndexOptions {
  readonly arch: string;
  readonly cacheDir: string;
  readonly now: Date;
}

/**
 * What an archive's `main` offers under names that begin with `prefix`, down the chain that apt verifies: signed
 * Release, then the sha256 of the index in it.
 *
 * @returns undefined for a source of the host's apt that turns out not to be Debian's.
 * @throws BangerError `MIRROR_UNTRUSTED`, `MIRROR_FAILED`, `DIGEST_MISMATCH`, `SIZE_MISMATCH`.
 */
export async function readIndex(
  archive: DebianArchive,
  prefix: string,
  options: IndexOptions,
  context: OperationContext,
): Promise<OfferedPackage[] | undefined> {
  const suiteUrl = `${archive.mirror}/dists/${archive.suite}`;
  const release = await readRelease(archive, `${suiteUrl}/InRelease`, options.now, context);
  if (release.origin !== "Debian") {
    if (archive.assumed) return undefined;
    throw untrusted(suiteUrl, `its origin is ${release.origin || "not given"}, not Debian`);
  }

  const path = `main/binary-${options.arch}/Packages.xz`;
  const entry = release.files.get(path);
  if (entry === undefined) throw untrusted(suiteUrl, `it has no ${path}`);
  if (entry.sizeBytes > MAX_INDEX_BYTES) throw untrusted(suiteUrl, `${path} is larger than ${MAX_INDEX_BYTES} bytes`);
  const plainUrl = `${suiteUrl}/${path}`;
  // By its hash, so that a mirror in the middle of an update still has the one that this Release means.
  const hashUrl = `${suiteUrl}/main/binary-${options.arch}/by-hash/SHA256/${entry.sha256}`;
  const file = await download(
    {
      ...entry,
      label: `list of packages of ${archive.suite}`,
      urls: release.byHash ? [hashUrl, plainUrl] : [plainUrl],
    },
    options.cacheDir,
    context,
  );

  const offered: OfferedPackage[] = [];
  for await (const stanza of stanzasOf(
    decompress(createReadStream(file, { signal: context.signal }), "xz", plainUrl),
    `Package: ${prefix}`,
    plainUrl,
  )) {
    offered.push(parseOffer(stanza, archive, plainUrl));
  }
  return offered;
}

async function readRelease(
  archive: DebianArchive,
  url: string,
  now: Date,
  context: OperationContext,
): Promise<Release> {
  return await reporting(context.progress, { id: `release:${url}`, label: `verifying ${url}` }, async () => {
    const signed = await fetchText(url, MAX_RELEASE_BYTES, context.signal);
    const release = parseRelease(await verifySignedText(signed, archive.keys, url, now), url);
    // What is not Debian's is judged by its caller; only Debian's has to be current.
    if (release.origin === "Debian") checkRelease(release, archive.suite, url, now);
    return release;
  });
}

/** The stanzas that begin with `start`; the others, nearly all, are not parsed. */
async function* stanzasOf(stream: ByteStream, start: string, name: string): AsyncGenerator<Stanza> {
  const decoder = new TextDecoder();
  let text = "";
  let total = 0;
  for await (const chunk of stream) {
    total += chunk.length;
    if (total > MAX_INDEX_BYTES) throw invalidArchive(name, `it unpacks to more than ${MAX_INDEX_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
    let from = 0;
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n", from)) {
      if (text.startsWith(start, from)) yield* parseDeb822(text.slice(from, end));
      from = end + 2;
    }
    text = text.slice(from);
    if (text.length > MAX_STANZA_BYTES) throw invalidArchive(name, `a stanza is longer than ${MAX_STANZA_BYTES} bytes`);
  }
  if (text.startsWith(start)) yield* parseDeb822(text);
}

function parseOffer(stanza: Stanza, archive: DebianArchive, name: string): OfferedPackage {
  const field = (key: string, form: RegExp): string => {
    const value = stanza.get(key) ?? "";
    if (!form.test(value)) throw untrusted(name, `${stanza.get("package") ?? "a package"} has no valid ${key}`);
    return value;
  };
  return {
    archive,
    name: field("package", /^[a-z0-9][a-z0-9+.-]+$/),
    version: field("version", /^[A-Za-z0-9.+:~-]+$/),
    depends: stanza.get("depends") ?? "",
    filename: field("filename", /^(?!\.)(?!.*\/\.)[\w.+:~/%-]+$/),
    sizeBytes: Number(field("size", /^\d{1,12}$/)),
    sha256: field("sha256", /^[0-9a-f]{64}$/),
  };
}

/** Nothing in any archive has this name. */
export function packageMissing(name: string, archives: readonly DebianArchive[]): BangerError {
  return new BangerError("MIRROR_FAILED", {
    what: `no archive offers ${name}`,
    why: `looked in ${archives.map((a) => `${a.mirror} ${a.suite}`).join(", ") || "none: no source of this host is Debian's"}`,
    fix: "set `debian_suite` or `debian_mirror` in config.toml to a Debian that has it, like bookworm",
  });
}
