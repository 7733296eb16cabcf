import { constants } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { join, normalize } from "node:path";
import { hasErrno } from "../lib/errors.ts";
import { beyondDistribution, type Authority, type FoundAuthorities, parseAuthorities } from "./authorities.ts";

/** Where an administrator puts authorities of the host's own: Debian and kin, Fedora, Arch, SUSE. */
const ANCHORS = [
  "usr/local/share/ca-certificates",
  "etc/pki/ca-trust/source/anchors",
  "etc/ca-certificates/trust-source/anchors",
  "etc/pki/trust/anchors",
];
/** Of which of the packaged ones are trusted; a company's package adds lines to it (update-ca-certificates(8)). */
const DEBIAN_LIST = "etc/ca-certificates.conf";
const DEBIAN_FOLDER = "usr/share/ca-certificates";
/** What distributions trust by themselves. */
const OWN_FOLDERS = [
  "usr/share/ca-certificates/mozilla",
  "usr/share/pki/ca-trust-source",
  "usr/share/ca-certificates/trust-source",
  "usr/share/pki/trust",
];
/** All that is trusted, where a distribution's own cannot be told from it. */
const BUNDLES = ["etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/cert.pem"];

const MAX_FILES = 2000;
const MAX_FILE_BYTES = 4 * 1024 ** 2;

/**
 * The authorities that this host trusts beyond its distribution's, or, where there are any, that these files hold beyond it.
 * What cannot be read or is none is said; it never throws for it.
 *
 * @param files paths that a user's environment names: SSL_CERT_FILE and the like.
 * @param root where the host's files begin.
 */
export async function findAuthorities(
  files: readonly string[],
  { root = "/", now = new Date() }: { readonly root?: string; readonly now?: Date } = {},
): Promise<FoundAuthorities> {
  const own = await readAll(await Promise.all(OWN_FOLDERS.map((folder) => filesIn(join(root, folder)))), now);
  const anchors = await readAll(
    [...(await Promise.all(ANCHORS.map((folder) => filesIn(join(root, folder))))), await listedByPackages(root)],
    now,
  );
  const named = await readAll([files], now);
  // Of a bundle the host's anchors are a part, too: it says nothing of those, only of what else a user names.
  const bundle = own.authorities.length > 0 ? own : await readAll([BUNDLES.map((name) => join(root, name))], now);
  const ownDigests = digests(own.authorities);
  const wanted = [
    ...anchors.authorities,
    ...named.authorities.filter(({ digest }) => !digests(bundle.authorities).has(digest)),
  ];
  const { authorities, left } = beyondDistribution(wanted, ownDigests);
  return { authorities, left: [...anchors.left, ...named.left, ...left] };
}

/** The authorities in one file, whoever else trusts them. */
export async function authoritiesOf(file: string, now = new Date()): Promise<FoundAuthorities> {
  const { authorities, left } = await readAll([[file]], now);
  const given = beyondDistribution(authorities, new Set());
  return { authorities: given.authorities, left: [...left, ...given.left] };
}

function digests(authorities: readonly Authority[]): ReadonlySet<string> {
  return new Set(authorities.map(({ digest }) => digest));
}

async function readAll(paths: readonly (readonly string[])[], now: Date): Promise<FoundAuthorities> {
  const found = await Promise.all(paths.flat().map((path) => readOne(path, now)));
  return { authorities: found.flatMap(({ authorities }) => authorities), left: found.flatMap(({ left }) => left) };
}

async function readOne(path: string, now: Date): Promise<FoundAuthorities> {
  try {
    return parseAuthorities(await readBounded(path), path, now);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return { authorities: [], left: [] };
    return { authorities: [], left: [`${path}: ${error instanceof Error ? error.message : String(error)}`] };
  }
}

async function readBounded(path: string): Promise<Buffer> {
  // A variable may name anything: a FIFO must not keep us waiting.
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const info = await file.stat();
    if (!info.isFile()) throw new Error("it is no file");
    if (info.size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
    const content = Buffer.alloc(info.size);
    const { bytesRead } = await file.read(content, 0, content.length, 0);
    return content.subarray(0, bytesRead);
  } finally {
    await file?.close();
  }
}

async function filesIn(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true, recursive: true });
    return entries
      .filter(
        (entry) => (entry.isFile() || entry.isSymbolicLink()) && /\.(?:crt|pem|cer|der|p11-kit)$/.test(entry.name),
      )
      .slice(0, MAX_FILES)
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted();
  } catch {
    return []; // This host is of another family.
  }
}

/** Certificates of packages that are not the distribution's collection. */
async function listedByPackages(root: string): Promise<readonly string[]> {
  try {
    const text = (await readBounded(join(root, DEBIAN_LIST))).toString("utf8");
    return text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => /^[^#!\s]/.test(line) && !line.startsWith("mozilla/"))
      .map((line) => normalize(`/${line}`))
      .slice(0, MAX_FILES)
      .map((name) => join(root, DEBIAN_FOLDER, name));
  } catch {
    return [];
  }
}
