import { lstat, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { foldersAbove, pathBelow } from "../../../../git/git-paths.ts";
import { removeEmptyFolder, removeFile, removeTree, replaceFile } from "../../../../lib/destroy.ts";
import { hasErrno } from "../../../../lib/errors.ts";
import { writeFileAtomic } from "../../../../lib/files.ts";
import { readRegularFile } from "../../../../lib/read-regular.ts";
import type { ByteString } from "../../../../model/byte-string.ts";
import { conflictError } from "./plan-apply.ts";
import type { StagedApply } from "./apply-work.ts";

/*
 * A work tree gets its changes all at once, or none. New files are first made in one folder at its top, so that the rest is
 * renames; what was there goes into the same folder. A journal in it says what is to be where: whoever finds
 * one that is not done puts everything back.
 */

const JOURNAL = "journal.json";
const DONE = "done";
const STAGE = "stage";
const MAX_JOURNAL = 256 * 1024 ** 2;

const journalSchema = z.object({
  /** Each path with what becomes of it, in the order in which it is done. */
  steps: z.array(z.object({ path: z.string(), puts: z.boolean() })),
  /** Folders that were not there. */
  folders: z.array(z.string()),
});
type Journal = z.infer<typeof journalSchema>;

/** Name of that folder in the work tree. */
function placingFolder(id: string): string {
  return `.banger-${id}`;
}

/** Where in the work tree new files are made, under their paths. */
export function stageFolder(top: string, id: string): string {
  return join(top, placingFolder(id), STAGE);
}

/**
 * Puts staged files into a work tree. When it fails, or is cut off, {@link settlePlaced} puts everything back.
 *
 * @param id of this apply: it names the folder.
 * @throws BangerError `WORKSPACE_CONFLICT` for a folder that would have to go and holds something else.
 */
export async function placeFiles(
  top: string,
  id: string,
  { puts, removals }: StagedApply,
  signal: AbortSignal,
): Promise<void> {
  const folder = join(top, placingFolder(id));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const folders = await missingFolders(top, puts, new Set(removals));
  const steps = [...removals.map((path) => ({ path, puts: false })), ...puts.map((path) => ({ path, puts: true }))];
  const journal: Journal = { steps, folders: [...folders] };
  await writeFileAtomic(join(folder, JOURNAL), JSON.stringify(journal));
  signal.throwIfAborted();
  for (const [at, step] of steps.entries()) await place(top, folder, at, step, journal);
  for (const path of removals) await pruneAbove(top, path);
  await writeFileAtomic(join(folder, DONE), "");
}

/** Removes what a finished one leaves: what was there before. */
export async function forgetPlaced(top: string, id: string): Promise<void> {
  await removeTree(top, placingFolder(id), "made by this apply under its own id; all that it was for is done");
}

/** Settles one that was cut off: what was not finished is put back. Safe to repeat. @returns whether it was finished. */
export async function settlePlaced(top: string, id: string): Promise<boolean> {
  const isDone = await isThere(Buffer.from(join(top, placingFolder(id), DONE)));
  if (isDone) await forgetPlaced(top, id);
  else await putBack(top, id);
  return isDone;
}

async function place(
  top: string,
  folder: string,
  at: number,
  step: Journal["steps"][number],
  journal: Journal,
): Promise<void> {
  const target = pathBelow(top, step.path);
  const found = await lstat(target).catch(() => undefined);
  // What is left of a folder whose files have gone.
  if (found?.isDirectory() === true) await removeEmpty(target, step.path);
  else if (found !== undefined) {
    await replaceFile(target, join(folder, `${at}.old`), "what this apply is to replace, kept until all of it is done");
  }
  if (!step.puts) return;
  for (const above of foldersAbove(step.path)) {
    if (journal.folders.includes(above)) await mkdir(pathBelow(top, above)).catch(ignoreThere);
  }
  await replaceFile(pathBelow(join(folder, STAGE), step.path), target, "where the step before has made room");
}

/** Removes the folders above a file that has gone, as far as nothing is left in them. */
async function pruneAbove(top: string, path: ByteString): Promise<void> {
  for (const folder of foldersAbove(path).toReversed()) {
    const isGone = await removeEmptyFolder(pathBelow(top, folder), "the last file in it has just gone with this apply");
    if (!isGone) return;
  }
}

/** Removes a folder that holds nothing but folders. */
async function removeEmpty(target: Buffer, path: ByteString): Promise<void> {
  for (const entry of await readdir(target, { withFileTypes: true, encoding: "buffer" })) {
    if (entry.isDirectory()) await removeEmpty(Buffer.concat([target, Buffer.from("/"), entry.name]), path);
  }
  if (await removeEmptyFolder(target, "all that git kept in it has gone with this apply")) return;
  throw conflictError([{ path, why: "a folder is here, with other files in it" }]);
}

/** Puts everything back, last step first. */
async function putBack(top: string, id: string): Promise<void> {
  const folder = join(top, placingFolder(id));
  const journal = readJournal(join(folder, JOURNAL));
  for (const [at, step] of [...(journal?.steps ?? []).entries()].toReversed()) {
    const target = pathBelow(top, step.path);
    const isPlaced = step.puts && !(await isThere(pathBelow(join(folder, STAGE), step.path)));
    if (isPlaced) await removeFile(target, "placed by this apply, as its journal says, which is undone");
    const old = Buffer.from(join(folder, `${at}.old`));
    if (!(await isThere(old))) continue;
    await mkdir(parentOf(target), { recursive: true });
    await replaceFile(old, target, "back to where this apply took it from");
  }
  for (const above of (journal?.folders ?? []).toReversed()) {
    await removeEmptyFolder(pathBelow(top, above), "made by this apply, as its journal says, which is undone");
  }
  await removeTree(top, placingFolder(id), "made by this apply under its own id; what it took is back in its place");
}

function readJournal(path: string): Journal | undefined {
  try {
    return journalSchema.safeParse(JSON.parse(readRegularFile(path, MAX_JOURNAL).toString("utf8"))).data;
  } catch {
    // It was never written: nothing was moved.
    return undefined;
  }
}

/** Folders that the new files need and that are not there, from the top down. */
async function missingFolders(
  top: string,
  puts: readonly ByteString[],
  removed: ReadonlySet<ByteString>,
): Promise<readonly ByteString[]> {
  const missing = new Set<ByteString>();
  for (const path of puts) {
    for (const folder of foldersAbove(path)) {
      const isGone = removed.has(folder) || !(await isThere(pathBelow(top, folder)));
      if (isGone) missing.add(folder);
    }
  }
  return [...missing].toSorted((a, b) => a.length - b.length);
}

async function isThere(path: Buffer): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (hasErrno(error, "ENOENT") || hasErrno(error, "ENOTDIR")) return false;
    throw error;
  }
}

function parentOf(path: Buffer): Buffer {
  return path.subarray(0, path.lastIndexOf(0x2f));
}

function ignoreThere(error: unknown): void {
  if (!hasErrno(error, "EEXIST")) throw error;
}
