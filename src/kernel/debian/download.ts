import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, stat, utimes, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { removeFile, replaceFile, setFileSize } from "../../lib/destroy.ts";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import { temporaryBeside } from "../../lib/files.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { withDeadline } from "../../lib/deadline.ts";
import type { Receiver } from "../../http/receive.ts";
import { receiveFromMirror } from "./mirror.ts";

/** A file whose content is known before it is fetched. */
export interface KnownFile {
  /** For people: `linux-image-6.1.0-56-cloud-amd64`. */
  readonly label: string;
  /** Tried in order; a later one only where the one before is not there (404). */
  readonly urls: readonly [string, ...string[]];
  readonly sizeBytes: number;
  /** In hex. */
  readonly sha256: string;
}

/** The slowest a mirror may be: the largest package in this time is still under 50 kB/s. */
const DOWNLOAD_LIMIT_MS = 60 * 60_000;

/**
 * Gets a file through the cache, where it lies under its sha256 and is verified each time it is used.
 *
 * @returns its path in the cache.
 * @throws BangerError `MIRROR_FAILED`, `SIZE_MISMATCH`, `DIGEST_MISMATCH`, `TIMED_OUT`; then nothing is kept.
 */
export async function download(file: KnownFile, cacheDir: string, context: OperationContext): Promise<string> {
  const path = join(cacheDir, "sha256", file.sha256);
  const event = { id: `download:${file.sha256}`, label: `downloading ${file.label}`, unit: "bytes" as const };
  const finished = { ...event, done: file.sizeBytes, total: file.sizeBytes, status: "done" as const };
  if (await isCached(path, file, context.signal)) {
    const now = new Date();
    await utimes(path, now, now);
    context.progress({ ...finished, note: "already here" });
    return path;
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temp = temporaryBeside(path);
  try {
    await withDeadline(context.signal, DOWNLOAD_LIMIT_MS, `the rest of ${file.label}`, (signal) =>
      downloadTo(temp, file, signal, (done) =>
        context.progress({ ...event, done, total: file.sizeBytes, status: "running" }),
      ),
    );
    await replaceFile(temp, path, "a temporary name of this process, over what did not match its sum");
  } catch (error) {
    await removeFile(temp, "a temporary name of this process");
    context.progress({ ...event, status: "failed" });
    throw error;
  }
  context.progress(finished);
  return path;
}

async function downloadTo(
  path: string,
  file: KnownFile,
  signal: AbortSignal,
  onBytes: (done: number) => void,
): Promise<void> {
  await using handle = await open(path, "wx", 0o600);
  const receiver = new HashingReceiver(handle, file, onBytes);
  await receiveFirst(file.urls, receiver, signal);
  receiver.check();
}

async function receiveFirst(urls: KnownFile["urls"], receiver: Receiver, signal: AbortSignal): Promise<void> {
  const [url, ...others] = urls;
  try {
    await receiveFromMirror(url, receiver, signal);
  } catch (error) {
    const [next, ...rest] = others;
    const missing = error instanceof BangerError && error.data["status"] === 404;
    if (!missing || next === undefined) throw error;
    await receiveFirst([next, ...rest], receiver, signal);
  }
}

/** Writes to a file, hashing as it goes, and refuses more than was promised. */
class HashingReceiver implements Receiver {
  received = 0;
  #hash: Hash = createHash("sha256");
  readonly #handle: FileHandle;
  readonly #file: KnownFile;
  readonly #onBytes: (done: number) => void;

  constructor(handle: FileHandle, file: KnownFile, onBytes: (done: number) => void) {
    this.#handle = handle;
    this.#file = file;
    this.#onBytes = onBytes;
  }

  async restart(): Promise<void> {
    this.received = 0;
    this.#hash = createHash("sha256");
    await setFileSize(this.#handle, 0, "a new file that this call made");
  }

  async write(chunk: Buffer): Promise<void> {
    if (this.received + chunk.length > this.#file.sizeBytes) throw this.#wrongSize("more");
    for (let at = 0; at < chunk.length;) {
      const { bytesWritten } = await this.#handle.write(chunk, at, chunk.length - at, this.received + at);
      at += bytesWritten;
    }
    this.#hash.update(chunk);
    this.received += chunk.length;
    this.#onBytes(this.received);
  }

  check(): void {
    if (this.received < this.#file.sizeBytes) throw this.#wrongSize("less");
    const sha256 = this.#hash.digest("hex");
    if (sha256 !== this.#file.sha256) throw wrongDigest(this.#file, sha256);
  }

  #wrongSize(which: "more" | "less"): BangerError {
    return new BangerError("SIZE_MISMATCH", {
      what: `${this.#file.urls[0]} is not what the archive's index says`,
      why: `the mirror sent ${which} than ${this.#file.sizeBytes} bytes`,
      fix: "try again later or another mirror: it may be in the middle of an update; nothing was kept",
    });
  }
}

function wrongDigest(file: KnownFile, sha256: string): BangerError {
  return new BangerError("DIGEST_MISMATCH", {
    what: `${file.urls[0]} is not what the archive's index says`,
    why: `its sha256 is ${sha256}, not ${file.sha256}`,
    fix: "try again later or another mirror: it may be in the middle of an update; nothing was kept",
  });
}

/** A file that changed in the cache (a bad disk, a hand) is as good as none. */
async function isCached(path: string, file: KnownFile, signal: AbortSignal): Promise<boolean> {
  try {
    if ((await stat(path)).size !== file.sizeBytes) return await dropCached(path);
    const hash = createHash("sha256");
    await pipeline(createReadStream(path, { highWaterMark: 1024 ** 2 }), hash, { signal });
    return hash.digest("hex") === file.sha256 ? true : await dropCached(path);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return false;
    throw error;
  }
}

async function dropCached(path: string): Promise<false> {
  await removeFile(path, "a download in the cache that does not match the sum in its name");
  return false;
}
