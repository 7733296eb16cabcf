import { type FSWatcher, watch } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { BangerError, hasErrno } from "../../lib/errors.ts";

const CHUNK_BYTES = 64 * 1024;
/** How far back from its end lines are looked for. */
const MAX_TAIL_BYTES = 4 * 1024 ** 2;
const NEWLINE = 0x0a;

/** @throws BangerError `FILE_UNREADABLE` when there is no log. */
export async function openLog(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
    throw new BangerError("FILE_UNREADABLE", {
      what: "the daemon has no log yet",
      why: `there is no ${path}`,
      fix: "start the daemon with `banger daemon start`",
      cause: error,
    });
  }
}

/** Where the last `count` lines of a file begin. */
export async function startOfLastLines(log: FileHandle, count: number): Promise<number> {
  const { size } = await log.stat();
  const from = Math.max(0, size - MAX_TAIL_BYTES);
  const tail = await readFrom(log, from, size);
  // The end of the last line is not the beginning of another.
  let at = tail.length;
  for (let left = count; left >= 0 && at > 0; left -= 1) {
    const before = tail.lastIndexOf(NEWLINE, at - 1);
    if (left === 0) return from + at;
    at = before === -1 ? 0 : before;
    if (before === -1) return from;
  }
  return from + at;
}

/** The bytes from one place to another, or to the end. */
export async function readFrom(log: FileHandle, from: number, to = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const { size } = await log.stat();
  const end = Math.min(size, to);
  const chunks: Buffer[] = [];
  for (let at = from; at < end;) {
    const { buffer, bytesRead } = await log.read(Buffer.alloc(Math.min(CHUNK_BYTES, end - at)), 0, undefined, at);
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return Buffer.concat(chunks);
}

/** Calls back whenever the file has changed. */
export function watchFile(path: string, onChange: () => void): { readonly events: FSWatcher } & Disposable {
  const events = watch(path, onChange);
  return { events, [Symbol.dispose]: () => events.close() };
}
