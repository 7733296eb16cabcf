import { lstat, mkdir, readdir } from "node:fs/promises";
import type { Stats } from "node:fs";
import { join } from "node:path";
import { copyIndex, treatedPaths, GITLINK, readIndex } from "../../../../git/copy-index.ts";
import { asWords, foldersAbove, pathBelow } from "../../../../git/git-paths.ts";
import type { HostGit } from "../../../../git/host-git.ts";
import { looker } from "../../../../git/list-files.ts";
import type { Repository } from "../../../../git/read-repository.ts";
import { refused } from "../../../../git/refusals.ts";
import { snapshot } from "../../../../git/snapshot.ts";
import { treeChanges, type TreeChange, type TreeFile } from "../../../../git/tree-changes.ts";
import { writeFileAtomic } from "../../../../lib/files.ts";
import type { ByteString } from "../../../../model/byte-string.ts";
import { conflictError, leadsOutside, planApply, type Conflict, type Step } from "./plan-apply.ts";

export interface ApplyRequest {
  readonly repository: Repository;
  readonly home: HostGit;
  /** A folder of ours for what is in the making. */
  readonly work: string;
  /** The tree that the changes begin from. */
  readonly from: string;
  readonly changes: readonly TreeChange[];
  /** Where new files are made, under their paths; it is not there yet. */
  readonly stage: string;
}

/** What is to be done to the work tree, with every new file whole in the folder for that. */
export interface StagedApply {
  readonly puts: readonly ByteString[];
  readonly removals: readonly ByteString[];
}

const LINK = "120000";
/** Larger ones are not merged line by line. */
const MAX_MERGED_BYTES = 16 * 1024 ** 2;

/**
 * Works out what a user's work tree becomes by a workspace's changes, and makes all new files in a folder apart. The rest of
 * the work tree is only read.
 *
 * @throws BangerError `WORKSPACE_CONFLICT` with each file that stands in the way; `WORKSPACE_REFUSED` for a link that leads
 *         out of the tree.
 */
export async function stageApply(request: ApplyRequest, signal: AbortSignal): Promise<StagedApply> {
  const { repository, home, work, changes } = request;
  await refuseLinks(home, changes, signal);
  const index = join(work, "apply-index");
  await copyIndex(repository, index, signal);
  const entries = await readIndex(repository, index, signal);
  const paths = changes.map(({ path }) => path);
  const { filtered } = await treatedPaths(repository, index, paths, signal);
  const look = looker(repository.top);
  const disk = new Map<ByteString, Stats | undefined>();
  for (const path of paths) disk.set(path, await look(path));
  for (const folder of new Set(paths.flatMap(foldersAbove))) disk.set(folder, await lookHere(repository.top, folder));
  const besides = paths.filter(
    (path) => disk.get(path)?.isFile() === true || disk.get(path)?.isSymbolicLink() === true,
  );
  const now = await snapshot(
    repository,
    {
      index,
      scratch: join(work, "apply-snapshot"),
      objects: join(home.place.cwd, "objects"),
      besides,
      kept: entries.filter(({ mode }) => mode === GITLINK),
    },
    signal,
  );
  const sinceSent = new Map((await treeChanges(home, request.from, now, signal)).map((one) => [one.path, one]));
  const wasSent = new Map(changes.map(({ path, before }) => [path, before]));
  const { steps, conflicts } = planApply(changes, {
    file: (path) => (sinceSent.has(path) ? sinceSent.get(path)?.after : wasSent.get(path)),
    disk: (path) => disk.get(path),
    isFiltered: (path) => filtered.has(path),
  });
  const merged = await mergeAll(request, steps, signal);
  const removed = new Set(steps.filter(({ does }) => does === "remove").map(({ path }) => path));
  const folders = steps.filter(({ path, does }) => does === "put" && disk.get(path)?.isDirectory() === true);
  const all = [...conflicts, ...merged.conflicts];
  for (const { path } of folders) {
    if (await holdsOthers(repository.top, path, removed))
      all.push({ path, why: "a folder is here, with other files in it" });
  }
  if (all.length > 0) throw conflictError(all);
  await writeStage(request, index, merged.puts, signal);
  return {
    puts: merged.puts.map(({ path }) => path),
    removals: steps.filter(({ does }) => does === "remove").map(({ path }) => path),
  };
}

/** What bears a name in the work tree, whatever leads there. */
async function lookHere(top: string, path: ByteString): Promise<Stats | undefined> {
  return lstat(pathBelow(top, path)).catch(() => undefined);
}

/** Whether a folder that is to give way to a file has anything in it that does not go with this. */
async function holdsOthers(top: string, folder: ByteString, removed: ReadonlySet<ByteString>): Promise<boolean> {
  for (const entry of await readdir(pathBelow(top, folder), { withFileTypes: true, encoding: "buffer" })) {
    const path = `${folder}/${entry.name.toString("latin1")}`;
    const stays = entry.isDirectory() ? await holdsOthers(top, path, removed) : !removed.has(path);
    if (stays) return true;
  }
  return false;
}

/** A link of a guest's is as good as a path: what is written to it must not go elsewhere. */
async function refuseLinks(home: HostGit, changes: readonly TreeChange[], signal: AbortSignal): Promise<void> {
  const outside: ByteString[] = [];
  for (const { path, after } of changes) {
    if (after?.mode !== LINK) continue;
    const target = (await home.run(["cat-file", "blob", after.id], { signal, maxBytes: 64 * 1024 })).toString("latin1");
    if (leadsOutside(path, target)) outside.push(path);
  }
  if (outside.length > 0)
    throw refused(
      "links that lead out of the work tree are not taken",
      "what is written to them would go elsewhere",
      outside,
    );
}

interface Put {
  readonly path: ByteString;
  readonly file: TreeFile;
}

async function mergeAll(
  request: ApplyRequest,
  steps: readonly Step[],
  signal: AbortSignal,
): Promise<{ readonly puts: readonly Put[]; readonly conflicts: readonly Conflict[] }> {
  const puts: Put[] = [];
  const conflicts: Conflict[] = [];
  for (const step of steps) {
    if (step.does === "put") puts.push(step);
    if (step.does !== "merge") continue;
    const { path, base, ours, theirs } = step;
    const id = ours.id === base.id || theirs.id === ours.id ? theirs.id : await merge(request, step, signal);
    const mode = theirs.mode === base.mode ? ours.mode : theirs.mode;
    if (id === undefined) conflicts.push({ path, why: "changed here and there, in the same place" });
    else puts.push({ path, file: { id, mode } });
  }
  return { puts, conflicts };
}

/** Merges three versions of a file line by line. @returns nothing where they do not fit. */
async function merge(
  { home, work }: ApplyRequest,
  { base, ours, theirs }: Extract<Step, { does: "merge" }>,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (theirs.id === base.id) return ours.id;
  const names = [ours, base, theirs].map(({ id }, at) => join(work, `merge-${at}-${id}`));
  for (const [at, { id }] of [ours, base, theirs].entries()) {
    const content = await home.run(["cat-file", "blob", id], { signal });
    if (content.length > MAX_MERGED_BYTES) return undefined;
    await writeFileAtomic(names[at] ?? "", content);
  }
  const statuses = Array.from({ length: 255 }, (_none, status) => status + 1);
  const { status, stdout } = await home.answer(["merge-file", "-p", "-q", ...names], { signal, statuses });
  if (status !== 0) return undefined;
  return home.text(["hash-object", "-w", "--stdin"], { signal, input: stdout });
}

/** Writes new files as they are to lie in the work tree, line ends and modes too, into a folder of ours. */
async function writeStage(
  { repository, home, stage }: ApplyRequest,
  index: string,
  puts: readonly Put[],
  signal: AbortSignal,
): Promise<void> {
  await mkdir(stage, { recursive: true, mode: 0o700 });
  const git = repository.git.at({
    index,
    objects: join(home.place.cwd, "objects"),
    alternates: [repository.objects],
  });
  // One that becomes a folder, or was one, stands in the way of the other in an index.
  await git.run(["read-tree", "--empty"], { signal });
  const lines = puts.map(({ path, file }) => `${file.mode} ${file.id} 0\t${path}`);
  await git.run(["update-index", "-z", "--index-info"], { signal, input: asWords(lines) });
  const paths = puts.map(({ path }) => path);
  await git.run(["checkout-index", "-z", "--stdin", `--prefix=${stage}/`], { signal, input: asWords(paths) });
}
