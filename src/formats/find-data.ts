import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { execa } from "execa";
import { BangerError, hasErrno, isAbort } from "../lib/errors.ts";
import { toolMissing } from "../lib/process.ts";
import type { TarHandler } from "./tar/tar-handler.ts";
import { TarReader } from "./tar/tar-reader.ts";

/** What is looked at as one: a stretch of zeros shorter than this packs so well that it need not be told of. */
const GRANULE_BYTES = 64 * 1024;
/** Parts that a map has at most; readers bound it too, ours at 262,144. */
const MAX_PARTS = 100_000;
/** Records of 1 MiB: fewer turns on the way from tar to here. */
const TAR_RECORD_BLOCKS = "2048";
/** A file as small as this is read whole: that is sooner done than another program started. */
const SMALL_BYTES = 4 * 1024 ** 2;

/**
 * Where a file holds something: offset and length of each part, flat, ascending. Everything else is zeros, so that the
 * answer depends on the content alone and not on how the host's file system keeps it.
 *
 * Holes are found with SEEK_HOLE (lseek(2)), which Node does not offer and GNU tar does: a disk of terabytes takes no
 * longer than what is in it.
 *
 * @throws BangerError `TOOL_MISSING`, `TOOL_FAILED` where there is no GNU tar; `FILE_UNREADABLE` if the file grew or shrank
 * meanwhile.
 */
export async function findData(path: string, signal: AbortSignal): Promise<number[]> {
  const { size } = await stat(path);
  const map = new DataMap(size);
  if (size <= SMALL_BYTES) {
    for await (const chunk of createReadStream(path, { signal }) as AsyncIterable<Buffer>) map.data(chunk);
  } else await readWithTar(path, map, signal);
  if (map.seenBytes !== size) throw changedMeanwhile(path, size, map.seenBytes);
  return withFewer(map.parts(), MAX_PARTS);
}

async function readWithTar(path: string, map: DataMap, signal: AbortSignal): Promise<void> {
  const args = [
    "--create",
    "--file=-",
    `--directory=${dirname(path)}`,
    `--blocking-factor=${TAR_RECORD_BLOCKS}`,
    "--format=posix",
    "--sparse",
    "--sparse-version=1.0",
    "--hole-detection=seek",
    "--dereference",
    "--",
    basename(path),
  ];
  const tar = execa("tar", args, {
    stdin: "ignore",
    buffer: { stdout: false, stderr: true },
    maxBuffer: { stderr: 64 * 1024 },
    env: { LC_ALL: "C" },
    cancelSignal: signal,
    forceKillAfterDelay: 2_000,
  });
  const reader = new TarReader(map);
  try {
    // The chunks must be taken while it runs, or it waits for us and we for it.
    const read = async (): Promise<void> => {
      for await (const chunk of tar.stdout) await reader.push(chunk as Buffer);
      reader.end();
    };
    await Promise.all([tar, read()]);
  } catch (error) {
    if (isAbort(error) || signal.aborted) throw signal.reason;
    if (hasErrno(error, "ENOENT")) throw toolMissing("tar", undefined, error);
    throw new BangerError("TOOL_FAILED", {
      what: `GNU tar could not read ${path}`,
      why: error instanceof Error ? error.message : String(error),
      fix: "install GNU tar, if the host's is another",
      cause: error,
    });
  }
}

function changedMeanwhile(path: string, expected: number, seen: number): BangerError {
  return new BangerError("FILE_UNREADABLE", {
    what: `${path} changed while it was read`,
    why: `it had ${expected} bytes, and ${seen} were read`,
    fix: "try again when nothing writes to it",
  });
}

/** Notes which granules of a file hold something, as its content passes by. */
class DataMap implements TarHandler {
  readonly #size: number;
  readonly #parts: number[] = [];
  readonly #zeros = Buffer.alloc(GRANULE_BYTES);
  #at = 0;
  /** End of the last part; it is ahead of `#at` while a granule is passing that is known to hold something. */
  #end = 0;

  constructor(size: number) {
    this.#size = size;
  }

  get seenBytes(): number {
    return this.#at;
  }

  parts(): readonly number[] {
    return this.#parts;
  }

  entry(): void {}
  endEntry(): void {}

  data(chunk: Uint8Array): undefined {
    for (let i = 0; i < chunk.length;) {
      const start = this.#at - (this.#at % GRANULE_BYTES);
      const piece = chunk.subarray(i, i + start + GRANULE_BYTES - this.#at);
      if (this.#at >= this.#end && !this.#zeros.subarray(0, piece.length).equals(piece)) this.#mark(start);
      this.#at += piece.length;
      i += piece.length;
    }
    return undefined;
  }

  hole(bytes: number): undefined {
    this.#at += bytes;
    return undefined;
  }

  #mark(start: number): void {
    const end = Math.min(start + GRANULE_BYTES, this.#size);
    if (start === this.#end && this.#parts.length > 0) this.#parts[this.#parts.length - 1] = end - this.#lastStart();
    else this.#parts.push(start, end - start);
    this.#end = end;
  }

  #lastStart(): number {
    return this.#parts[this.#parts.length - 2] ?? 0;
  }
}

/** Joins parts over ever wider gaps until there are no more than that. */
export function withFewer(parts: readonly number[], most: number): number[] {
  let joined = [...parts];
  for (let gap = 2 * GRANULE_BYTES; joined.length > 2 * most; gap *= 2) joined = join(joined, gap);
  return joined;
}

function join(parts: readonly number[], gap: number): number[] {
  const joined: number[] = [];
  for (let i = 0; i < parts.length; i += 2) {
    const [start, length] = [parts[i] ?? 0, parts[i + 1] ?? 0];
    const lastStart = joined[joined.length - 2] ?? 0;
    const lastEnd = lastStart + (joined.at(-1) ?? 0);
    if (joined.length > 0 && start - lastEnd <= gap) joined[joined.length - 1] = start + length - lastStart;
    else joined.push(start, length);
  }
  return joined;
}
