import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { BangerError } from "../../lib/errors.ts";
import type { OperationContext } from "../../lib/progress.ts";
import type { KernelContents, KernelSource } from "../../model/kernel.ts";
import { invalidArchive } from "../../formats/byte-reader.ts";
import { decompress } from "../../formats/compression/decompress.ts";
import { extractTar, readCounted } from "../../formats/tar/extract-tar.ts";
import { completeKernelFolder, KERNEL_FOLDER, probeImage } from "../kernel-folder.ts";
import { reporting } from "../../lib/reporting.ts";
import { findFault, parseSignature, startSignedHash, type MinisignKey, type MinisignSignature } from "./minisign.ts";

/** What a whole archive may come to, unpacked. Debian's kernel with all its modules has 400 MB. */
const MAX_UNPACKED_BYTES = 4 * 1024 ** 3;

/** A kernel that a catalog offers, as far as its archive is concerned. */
export interface OfferedArchive {
  /** For people: `generic-6.12 6.12.117`. */
  readonly label: string;
  /** By Debian's name: amd64, arm64. */
  readonly arch: string;
  readonly source: KernelSource;
}

/**
 * Reads the signature of an archive before anything is fetched: one by another key need not be downloaded to be refused.
 *
 * @throws BangerError `KERNEL_UNTRUSTED`.
 */
export function readArchiveSignature(text: string, key: MinisignKey, label: string): MinisignSignature {
  const parsed = parseSignature(text);
  if (typeof parsed === "string") throw untrusted(label, parsed);
  if (!parsed.keyId.equals(key.keyId))
    throw untrusted(label, findFault(key, parsed, Buffer.alloc(64)) ?? "another key");
  return parsed;
}

/**
 * Holds an archive on disk against its signature.
 *
 * @throws BangerError `KERNEL_UNTRUSTED`.
 */
export async function checkArchiveSignature(
  path: string,
  signature: MinisignSignature,
  key: MinisignKey,
  label: string,
  signal: AbortSignal,
): Promise<void> {
  const hash = startSignedHash();
  await pipeline(createReadStream(path, { highWaterMark: 1024 ** 2 }), hash, { signal });
  const why = findFault(key, signature, hash.digest());
  if (why !== undefined) throw untrusted(label, why);
}

/**
 * Makes a kernel of an archive that has been verified: a tar packed with zstd that holds `image` and may hold `config`,
 * `initrd` and `modules/`, as they lie in a kernel's folder.
 *
 * @param targetDir an empty folder; its content is worth nothing if this fails.
 * @throws BangerError `ARCHIVE_INVALID`, `KERNEL_INVALID`.
 */
export async function unpackKernelArchive(
  path: string,
  offered: OfferedArchive,
  targetDir: string,
  context: OperationContext,
): Promise<KernelContents> {
  const { label, arch, source } = offered;
  const { signal, progress } = context;
  const written = await reporting(progress, { id: "unpack", label: `unpacking ${label}` }, async (onBytes) => {
    const tar = bounded(decompress(readCounted(path, signal, onBytes), "zstd", label), label);
    return extractTar(tar, label, { targetDir, place: (name) => placeOf(name, label), signal });
  });
  if (!written.includes(KERNEL_FOLDER.image)) throw invalidArchive(label, `it holds no ${KERNEL_FOLDER.image}`);
  return await reporting(progress, { id: "prepare", label: "preparing the kernel" }, async () => {
    const probe = await probeImage(targetDir, signal);
    if (probe.arch !== arch) throw invalidArchive(label, `it holds a kernel for ${probe.arch}, not ${arch}`);
    const config = written.includes(KERNEL_FOLDER.config)
      ? await readFile(join(targetDir, KERNEL_FOLDER.config), "utf8")
      : probe.config;
    const hasInitrd = written.includes(KERNEL_FOLDER.initrd);
    const hasModules = written.some((name) => name.startsWith(`${KERNEL_FOLDER.modules}/`));
    return completeKernelFolder(targetDir, { source, probe, config, hasInitrd, hasModules }, signal);
  });
}

function placeOf(name: string, label: string): string {
  const { image, config, initrd, modules } = KERNEL_FOLDER;
  if ([image, config, initrd].some((known) => known === name) || name.startsWith(`${modules}/`)) return name;
  throw invalidArchive(label, `it holds ${JSON.stringify(name)}, which is no part of a kernel`);
}

async function* bounded(stream: AsyncIterable<Uint8Array>, label: string): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > MAX_UNPACKED_BYTES) throw invalidArchive(label, `it unpacks to more than ${MAX_UNPACKED_BYTES} bytes`);
    yield chunk;
  }
}

function untrusted(label: string, why: string): BangerError {
  return new BangerError("KERNEL_UNTRUSTED", {
    what: `the archive of ${label} is not trusted`,
    why,
    fix: "ask whoever publishes the catalog; nothing was kept",
  });
}
