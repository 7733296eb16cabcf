import { constants, type Stats } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { ARCHIVE_END, memberHeader, padding } from "../../../formats/tar/tar-writer.ts";
import { foldersAbove, pathBelow } from "../../../git/git-paths.ts";
import type { HostGit } from "../../../git/host-git.ts";
import type { WorkFile } from "../../../git/list-files.ts";
import { BangerError } from "../../../lib/errors.ts";
import { displayName, type ByteString } from "../../../model/byte-string.ts";

const PIECE_BYTES = 256 * 1024;
const GIT_FOLDER = ".git";

export interface TreeArchiveRequest {
  /** Top of the user's work tree. */
  readonly top: string;
  readonly files: readonly WorkFile[];
  /** The folder that becomes its `.git`. */
  readonly repository: string;
  /** Where what stands for filtered files is read. */
  readonly git: HostGit;
  /** Told of bytes that are out. */
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/**
 * A copy of a work tree as a tar archive: the files as they lie there, with modes and times, and a `.git` of its own.
 *
 * @throws BangerError `FILE_UNREADABLE` for a file that cannot be read, or changes while it is.
 */
export async function* treeArchive(request: TreeArchiveRequest): AsyncGenerator<Buffer> {
  const made = new Set<ByteString>();
  for await (const chunk of members(request, made)) {
    request.signal.throwIfAborted();
    request.onBytes(chunk.length);
    yield chunk;
  }
}

async function* members(request: TreeArchiveRequest, made: Set<ByteString>): AsyncGenerator<Buffer> {
  const { top, files, repository, git, signal } = request;
  yield* folderOf(repository, "", GIT_FOLDER);
  for (const { path, stats, id } of files) {
    for (const folder of [...foldersAbove(path), ...(stats.isDirectory() ? [path] : [])]) {
      if (made.has(folder)) continue;
      made.add(folder);
      yield memberHeader({ type: "folder", name: folder, mode: 0o755, mtime: stats.mtimeMs / 1000 });
    }
    if (stats.isDirectory()) continue;
    if (id === undefined) yield* member(pathBelow(top, path), path, stats);
    else yield* stored(path, stats, await git.run(["cat-file", "blob", id], { signal }));
  }
  yield ARCHIVE_END;
}

/** All of a folder of ours, which holds plain files and folders alone. */
async function* folderOf(root: string, below: ByteString, name: ByteString): AsyncGenerator<Buffer> {
  const at = below === "" ? Buffer.from(root) : pathBelow(root, below);
  const { mtimeMs } = await lstat(at);
  yield memberHeader({ type: "folder", name, mode: 0o755, mtime: mtimeMs / 1000 });
  for (const entry of await readdir(at, { encoding: "latin1" })) {
    const path = below === "" ? entry : `${below}/${entry}`;
    const stats = await lstat(pathBelow(root, path));
    if (stats.isDirectory()) yield* folderOf(root, path, `${name}/${entry}`);
    else yield* member(pathBelow(root, path), `${name}/${entry}`, stats);
  }
}

async function* member(at: Buffer, name: ByteString, stats: Stats): AsyncGenerator<Buffer> {
  const mtime = stats.mtimeMs / 1000;
  if (stats.isSymbolicLink()) {
    const target = (await readlink(at, { encoding: "buffer" })).toString("latin1");
    yield memberHeader({ type: "link", name, mode: 0o777, mtime, target });
    return;
  }
  if (!stats.isFile()) return; // Pipes and devices are nothing that git keeps.
  const file = await open(at, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    throw unreadable(name, error instanceof Error ? error.message : String(error));
  });
  try {
    const { size } = await file.stat();
    yield memberHeader({ type: "file", name, sizeBytes: size, mode: modeOf(stats), mtime });
    for (let left = size; left > 0;) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(Math.min(left, PIECE_BYTES)));
      if (bytesRead === 0) throw unreadable(name, "it became shorter while it was read");
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    yield padding(size);
  } finally {
    await file.close();
  }
}

function* stored(name: ByteString, stats: Stats, content: Buffer): Generator<Buffer> {
  const mtime = stats.mtimeMs / 1000;
  yield memberHeader({ type: "file", name, sizeBytes: content.length, mode: modeOf(stats), mtime });
  yield content;
  yield padding(content.length);
}

/** What counts in git: whether it can be executed. The rest is as a file of the guest's usually has it. */
function modeOf({ mode }: Stats): number {
  return (mode & 0o100) === 0 ? 0o644 : 0o755;
}

function unreadable(name: ByteString, why: string): BangerError {
  return new BangerError("FILE_UNREADABLE", {
    what: `${displayName(name)} cannot be read`,
    why,
    fix: "see to it that it can be, and that nothing writes to it meanwhile, and try again",
  });
}
