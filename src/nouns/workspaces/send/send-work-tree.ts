import { join } from "node:path";
import { carryRepository } from "../../../git/carry-repository.ts";
import { copyIndex, GITLINK, plainPaths, readIndex, treatedPaths } from "../../../git/copy-index.ts";
import { asWords, somePaths } from "../../../git/git-paths.ts";
import type { HostGit } from "../../../git/host-git.ts";
import { listFiles, listUntracked } from "../../../git/list-files.ts";
import type { Head, Repository } from "../../../git/read-repository.ts";
import { snapshot } from "../../../git/snapshot.ts";
import { BangerError } from "../../../lib/errors.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { WorkState } from "../../../model/workspace.ts";
import { runGuest } from "../guest/guest-git.ts";
import type { GuestSide } from "../guest/guest-side.ts";
import { treeArchive } from "./tree-archive.ts";

export interface SendRequest {
  readonly repository: Repository;
  /** banger's own, to which the objects go that stand for what is not committed. */
  readonly home: HostGit;
  /** A folder of ours for what is in the making. */
  readonly work: string;
  /** In the guest; nothing is there yet. */
  readonly path: string;
  /** Marks the folder in the guest while it is not whole. */
  readonly id: string;
  readonly untracked: boolean;
  readonly shallow: boolean;
}

export interface SentWorkTree {
  readonly sent: WorkState;
  readonly sparse: boolean;
  readonly notes: readonly string[];
}

/**
 * Copies a work tree into a guest: history, index and files as they are. It gets its path when all of it is there. The user's
 * repository is read alone: no ref, index, setting or object of it changes.
 *
 * @throws BangerError `FILE_EXISTS` where something is at the path; `FILE_UNREADABLE`, `GIT_FAILED`, `GUEST_FULL`.
 */
export async function sendWorkTree(
  side: GuestSide,
  request: SendRequest,
  { signal, progress }: OperationContext,
): Promise<SentWorkTree> {
  const { repository, home, work, path, id, untracked, shallow } = request;
  if (await side.exists(path, signal)) throw inTheWay(path);
  progress({ id: "read", label: "reading the work tree", status: "running" });
  const index = join(work, "index");
  await copyIndex(repository, index, signal);
  const entries = await readIndex(repository, index, signal);
  const tracked = [...new Set(entries.map((entry) => entry.path))];
  const treated = await treatedPaths(repository, index, tracked, signal);
  const { filtered } = treated;
  const others = untracked ? await listUntracked(repository, index, signal) : { files: [], repositories: [] };
  const besides = new Set(others.files);
  const { files, submodules } = await listFiles(repository, entries, filtered, others.files, signal);
  const tree = await snapshot(
    repository,
    {
      index,
      scratch: join(work, "snapshot-index"),
      objects: join(home.place.cwd, "objects"),
      besides: files.filter(({ path: at }) => besides.has(at)).map((file) => file.path),
      kept: entries.filter(({ mode, path: at }) => mode === GITLINK || filtered.has(at)),
    },
    signal,
  );
  await keepTree(home, tree, repository.head, signal);
  const plain = await plainPaths(repository, index, treated, signal);
  const carried = join(work, "carried.git");
  const notCarried = await carryRepository(repository, { index, entries, target: carried, shallow }, signal);
  progress({ id: "read", label: "reading the work tree", status: "done" });

  const cut = path.lastIndexOf("/");
  const stage = `${path.slice(0, cut)}/.${path.slice(cut + 1)}.banger-${id}`;
  let done = 0;
  const onBytes = (bytes: number): void => {
    done += bytes;
    progress({ id: "send", label: `copying into ${path}`, unit: "bytes", done, status: "running" });
  };
  await side.makeFolder(stage, signal);
  try {
    const { git, top } = repository;
    const sentFiles = files.filter((file) => !plain.has(file.path));
    await side.unpack(stage, treeArchive({ top, files: sentFiles, repository: carried, git, onBytes, signal }), signal);
    const input = asWords(files.filter((file) => plain.has(file.path)).map((file) => file.path));
    progress({ id: "check-out", label: "checking out", status: "running" });
    await runGuest(side, { argv: ["git", "checkout-index", "-q", "-u", "-z", "--stdin"], cwd: stage, input }, signal);
    await checkCopy(side, stage, repository, signal);
    progress({ id: "check-out", label: "checking out", status: "done" });
    await side.move(stage, path, signal);
  } catch (error) {
    // The signal may have aborted; what is in the guest has to go all the same.
    await side.remove(stage, AbortSignal.timeout(CLEAN_UP_MS)).catch(() => {});
    throw error;
  }
  progress({ id: "send", label: `copied into ${path}`, unit: "bytes", done, status: "done" });
  const { head } = repository;
  return {
    sent: { tree, ...(head.commit !== undefined && { head: head.commit }) },
    sparse: repository.settings.some(([key, value]) => key === "core.sparsecheckout" && value === "true"),
    notes: [
      ...notCarried,
      ...(submodules.length === 0
        ? []
        : [`submodules go as plain files, and stay as they are: ${somePaths(submodules)}`]),
      ...(filtered.size === 0
        ? []
        : [`files that go through a filter, as with LFS, go as git keeps them: ${somePaths([...filtered])}`]),
      ...(others.repositories.length === 0
        ? []
        : [`repositories in the work tree stay here: ${somePaths(others.repositories)}`]),
    ],
  };
}

/** Copies a tree's objects to banger's own repository, but for those of the commit: the user's may not keep them for long. */
async function keepTree(home: HostGit, tree: string, { commit }: Head, signal: AbortSignal): Promise<void> {
  const input = Buffer.from(`${tree}\n${commit === undefined ? "" : `^${commit}\n`}`);
  const pack = home.stream(["pack-objects", "--revs", "--stdout", "--delta-base-offset", "-q"], { signal, input });
  await home.run(["index-pack", "--stdin"], { signal, input: pack });
}

const CLEAN_UP_MS = 30_000;

/** Has the guest's git read what came, and look at its files once, so that the first `git status` need not. */
async function checkCopy(side: GuestSide, cwd: string, { head }: Repository, signal: AbortSignal): Promise<void> {
  await side.run({ argv: ["git", "update-index", "-q", "--refresh"], cwd }, signal);
  if (head.commit === undefined) return;
  const found = await runGuest(side, { argv: ["git", "rev-parse", "HEAD"], cwd }, signal);
  if (found.toString("latin1").trim() === head.commit) return;
  throw new BangerError("GUEST_GIT_FAILED", {
    what: "the guest's git does not have the commit that it was sent",
    fix: "see with `git version` there whether it is of this time",
  });
}

function inTheWay(path: string): BangerError {
  return new BangerError("FILE_EXISTS", {
    what: `there is something at ${path} in the guest`,
    fix: "choose another folder with `path`, or remove that one with `banger vm exec`",
  });
}
