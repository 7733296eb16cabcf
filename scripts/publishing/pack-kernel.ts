import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";

/** The files of a kernel that travel, by where they lie. */
export interface KernelParts {
  readonly folder: string;
  /** `image` or `vmlinux`. */
  readonly image: string;
  /** Of `config`, `initrd` and `modules`, those that are there. */
  readonly others: readonly string[];
}

export interface PackedKernel {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
}

/** Size counts more than time: an archive is packed once and pulled often. */
const LEVEL = 19;

/** What zstd makes depends on how its input is cut, and a pipe cuts as it likes. */
const PIECE_BYTES = 1024 ** 2;

/** Nothing of who packs, when, or in which order a folder is read. */
const SAME_BYTES = [
  "--format=gnu",
  "--sort=name",
  "--mtime=@0",
  "--mode=a+r,u+w,go-w",
  "--owner=0",
  "--group=0",
  "--numeric-owner",
];

/**
 * Packs a kernel into the archive that catalogs name: a tar of GNU's format with `image` and what comes with it, packed
 * with zstd. The same files make the same archive, whoever packs it and when.
 */
export async function packKernel(parts: KernelParts, path: string): Promise<PackedKernel> {
  const options = [...SAME_BYTES, `--transform=s,^${parts.image}$,image,`, "--directory", parts.folder];
  const args = ["--create", "--file=-", ...options, "--", parts.image, ...parts.others];
  const tar = spawn("tar", args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(tar, "close") as Promise<[number | null]>;
  const hash = createHash("sha256");
  let size = 0;
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  const zstd = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: LEVEL } });
  await pipeline(inPieces(tar.stdout, PIECE_BYTES), zstd, counting, createWriteStream(path));
  const [status] = await ended;
  if (status !== 0) throw new Error(`tar ended with ${status ?? "a signal"}`);
  return { path, sha256: hash.digest("hex"), size };
}

/** The same bytes in pieces of this length; the last may be shorter. */
export async function* inPieces(stream: AsyncIterable<Buffer>, length: number): AsyncGenerator<Buffer> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of stream) {
    pending.push(chunk);
    pendingBytes += chunk.length;
    if (pendingBytes < length) continue;
    const joined = Buffer.concat(pending, pendingBytes);
    let at = 0;
    for (; at + length <= joined.length; at += length) yield joined.subarray(at, at + length);
    pending = [joined.subarray(at)];
    pendingBytes = joined.length - at;
  }
  if (pendingBytes > 0) yield Buffer.concat(pending, pendingBytes);
}
