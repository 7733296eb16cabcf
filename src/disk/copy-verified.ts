import { createHash } from "node:crypto";
import { chmod, constants, copyFile, open, rm, type FileHandle } from "node:fs/promises";
import { BangerError, hasErrno } from "../lib/errors.ts";

const CHUNK_BYTES = 4 * 1024 ** 2;
/** What is looked at for zeros at once: the least that a hole can be on most file systems. */
const GRAIN_BYTES = 64 * 1024;

export interface VerifiedCopy {
  /** `sha256:…` of the whole content. */
  readonly sha256: string;
  /** `reflink` where the file system shares the blocks, `copy` where not. */
  readonly way: "reflink" | "copy";
}

/**
 * Copies a file, sparse, and reads the copy again: what it holds is what was read from the source. The target must not
 * exist; when it fails nothing of it is left.
 *
 * @throws BangerError `DIGEST_MISMATCH` if the disk gave back something else than it was given.
 */
export async function copyVerified(
  source: string,
  target: string,
  options: { readonly signal: AbortSignal; readonly onProgress?: (doneBytes: number) => void },
): Promise<VerifiedCopy> {
  const way = await reflink(source, target);
  try {
    const read = await copyOrRead(source, way === "reflink" ? undefined : target, options);
    const written = await copyOrRead(target, undefined, { signal: options.signal });
    if (read !== written) throw differs(source, target);
    return { sha256: written, way };
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
}

async function reflink(source: string, target: string): Promise<VerifiedCopy["way"]> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    await chmod(target, 0o600);
    return "reflink";
  } catch (error) {
    if (hasErrno(error, "EEXIST") || hasErrno(error, "ENOENT")) throw error;
    await rm(target, { force: true });
    return "copy";
  }
}

/** Reads a file to its end, writes it to `target` if there is one, and returns its digest. */
async function copyOrRead(
  source: string,
  target: string | undefined,
  { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress?: (doneBytes: number) => void },
): Promise<string> {
  const hash = createHash("sha256");
  const from = await open(source, "r");
  const to = target === undefined ? undefined : await open(target, "wx", 0o600);
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let done = 0;
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await from.read(chunk, 0, chunk.length, done);
      if (bytesRead === 0) break;
      const data = chunk.subarray(0, bytesRead);
      hash.update(data);
      if (to !== undefined) await writeGrains(to, data, done);
      done += bytesRead;
      onProgress?.(done);
    }
    await to?.truncate(done);
    await to?.sync();
    return `sha256:${hash.digest("hex")}`;
  } finally {
    await from.close();
    await to?.close();
  }
}

async function writeGrains(to: FileHandle, data: Buffer, position: number): Promise<void> {
  for (let at = 0; at < data.length; at += GRAIN_BYTES) {
    const grain = data.subarray(at, at + GRAIN_BYTES);
    if (!ZEROS.subarray(0, grain.length).equals(grain)) await to.write(grain, 0, grain.length, position + at);
  }
}

const ZEROS = Buffer.alloc(GRAIN_BYTES);

function differs(source: string, target: string): BangerError {
  return new BangerError("DIGEST_MISMATCH", {
    what: `the copy of ${source} is not what was read`,
    why: `${target} reads back with other content, or the file changed while it was copied`,
    fix: "try again when nobody writes to it; if it happens again, check the disk",
  });
}
