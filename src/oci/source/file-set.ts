import { constants } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { join } from "node:path";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import { sizeMismatch } from "./image-source.ts";
import type { Descriptor } from "../manifest/manifest.ts";

/** Files under relative paths, wherever they lie: in a folder, or in a tar archive. */
export interface FileSet extends AsyncDisposable {
  /** For people. */
  readonly name: string;
  /** Bytes of a file; undefined when there is none by this path. */
  size(path: string): Promise<number | undefined>;
  /** A file's bytes from `offset` on. A piece is good only until the next is asked for. */
  stream(path: string, offset: number, signal: AbortSignal): AsyncIterable<Buffer>;
}

const READ_BYTES = 512 * 1024;

/** The files of a folder. Links are refused: a layout is a thing of its own, and must not lead elsewhere. */
export class FolderFiles implements FileSet {
  readonly name: string;

  constructor(folder: string) {
    this.name = folder;
  }

  async size(path: string): Promise<number | undefined> {
    try {
      // Each step on the way: a folder that is a link leads away as well.
      const steps = path.split("/");
      for (let i = 1; i < steps.length; i++) {
        if (!(await lstat(join(this.name, ...steps.slice(0, i)))).isDirectory()) throw notAFile(this.name, path);
      }
      const found = await lstat(join(this.name, path));
      if (!found.isFile()) throw notAFile(this.name, path);
      return found.size;
    } catch (error) {
      if (hasErrno(error, "ENOENT")) return undefined;
      throw unreadable(error, this.name);
    }
  }

  async *stream(path: string, offset: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    await this.size(path);
    yield* readFileFrom(join(this.name, path), offset, Number.POSITIVE_INFINITY, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Bytes `offset` to `end` of a file, in large pieces, each good only until the next is asked for. */
export async function* readFileFrom(
  path: string,
  offset: number,
  end: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    throw unreadable(error, path);
  });
  try {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(0, end - offset)));
    for (let at = offset; at < end;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - at), at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/**
 * Reads a small file whole.
 *
 * @throws BangerError `ARCHIVE_INVALID` if it is missing or larger than `maxBytes`.
 */
export async function readSmallFile(
  files: FileSet,
  path: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const size = await files.size(path);
  if (size === undefined) throw archiveInvalid(files.name, `it has no ${path}`);
  if (size > maxBytes) throw archiveInvalid(files.name, `${path} has ${size} bytes, and at most ${maxBytes} are read`);
  const chunks: Buffer[] = [];
  for await (const chunk of files.stream(path, 0, signal)) chunks.push(Buffer.from(chunk));
  const data = Buffer.concat(chunks);
  if (data.length > maxBytes) throw archiveInvalid(files.name, `${path} grew while it was read`);
  return data;
}

/** A blob's file, whose size must be the descriptor's. */
export async function* streamBlobFile(
  files: FileSet,
  path: string,
  descriptor: Descriptor,
  offset: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const size = await files.size(path);
  if (size === undefined) throw archiveInvalid(files.name, `blob ${descriptor.digest} is missing`);
  if (size !== descriptor.size) throw sizeMismatch(descriptor, size);
  yield* files.stream(path, offset, signal);
}

export function archiveInvalid(name: string, why: string, cause?: unknown): BangerError {
  return new BangerError("ARCHIVE_INVALID", {
    what: `${name} is not an image that can be read`,
    why,
    fix: "write it again, for example with `skopeo copy` or `docker save`",
    cause,
  });
}

function notAFile(name: string, path: string): BangerError {
  return archiveInvalid(name, `${path} is a link or no file; a layout holds files only`);
}

export function unreadable(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !("code" in error) || error instanceof BangerError) return error;
  return new BangerError("FILE_UNREADABLE", {
    what: `${path} cannot be read`,
    why: error.message,
    fix: "check the path and its permissions",
    cause: error,
  });
}
