import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { ARCHIVE_END, memberHeader, padding } from "../../formats/tar/tar-writer.ts";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import type { LocalTree } from "./scan-folder.ts";

const PIECE_BYTES = 256 * 1024;

/**
 * The entries of a tree that have these paths, as a tar archive.
 *
 * @throws BangerError `FILE_UNREADABLE` for a file that cannot be read, or becomes shorter while it is.
 */
export async function* syncArchive(top: string, tree: LocalTree, paths: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const path of paths) {
    const entry = tree.get(path);
    if (entry === undefined) continue;
    const { mode, mtime, target } = entry;
    const name = bytesOf(path);
    if (entry.type === "directory") yield memberHeader({ type: "folder", name, mode, mtime });
    else if (entry.type === "symlink")
      yield memberHeader({ type: "link", name, mode: 0o777, mtime, target: bytesOf(target ?? "") });
    else yield* fileOf(join(top, path), path, name, mode);
  }
  yield ARCHIVE_END;
}

/** As it is when it is read: it may have changed since it was looked at. */
async function* fileOf(at: string, path: string, name: string, mode: number): AsyncGenerator<Uint8Array> {
  await using file = await open(at, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw unreadable(path, error instanceof Error ? error.message : String(error));
  });
  // It has gone since it was looked at: nothing to be sent.
  if (file === undefined) return;
  const { size, mtimeMs } = await file.stat();
  yield memberHeader({ type: "file", name, sizeBytes: size, mode, mtime: mtimeMs / 1000 });
  for (let left = size; left > 0;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(left, PIECE_BYTES)));
    if (bytesRead === 0) throw unreadable(path, "it became shorter while it was read");
    yield buffer.subarray(0, bytesRead);
    left -= bytesRead;
  }
  yield padding(size);
}

/** Names in archives are bytes, one a character. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function unreadable(path: string, why: string): BangerError {
  return new BangerError("FILE_UNREADABLE", {
    what: `${path} could not be sent`,
    why,
    fix: "see what is there, and run it again: what is whole in the guest is not sent twice",
  });
}
