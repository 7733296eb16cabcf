import { copyFile, mkdir } from "node:fs/promises";
import { constants, existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { writeFileAtomic } from "../lib/files.ts";
import { GITLINK, type IndexEntry } from "./copy-index.ts";
import { hostGit, type HostGit } from "./host-git.ts";
import { isObjectId, smallFile, type Repository } from "./read-repository.ts";

/** What of a merge that goes on makes it go on elsewhere; the first three name commits. */
const MERGE_HEADS = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"] as const;
const MERGE_WORDS = ["MERGE_MODE", "MERGE_MSG", "SQUASH_MSG"] as const;
/** What goes on and does not go along: it names commits by paths of its own. */
const NOT_CARRIED = ["rebase-merge", "rebase-apply", "BISECT_LOG", "sequencer"] as const;

const MAX_TAGS = 10_000;
/** A reflog and a prompt need no more than a branch of some name. */
const DETACHED_BRANCH = "main";

export interface CarryRequest {
  /** A copy of the repository's index; absent file: it has none. */
  readonly index: string;
  readonly entries: readonly IndexEntry[];
  /** The folder that becomes the `.git` of the copy; nothing is there yet. */
  readonly target: string;
  /** Only the newest commit, without those before it. */
  readonly shallow: boolean;
}

/**
 * Makes a repository of its own of a user's: its HEAD, what led there, the tags on it, its index, and a merge that goes on.
 * It has none of the user's programs, remotes and hooks. The user's is read and never written to.
 *
 * @returns what does not go along, in words.
 */
export async function carryRepository(
  repository: Repository,
  request: CarryRequest,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { index, entries, target, shallow } = request;
  const { head, format } = repository;
  const branch = head.branch ?? DETACHED_BRANCH;
  const outside = hostGit({ cwd: resolve(target, "..") });
  await outside.run(["init", "-q", "--bare", "--template=", `--object-format=${format}`, target], { signal });
  const git = hostGit({ cwd: target, gitDir: target });
  await git.run(["symbolic-ref", "HEAD", `refs/heads/${branch}`], { signal });
  await settle(git, repository, signal);
  await mkdir(join(target, "info"), { recursive: true });
  await writeFileAtomic(join(target, "info/exclude"), Buffer.from(await excluded(repository, signal), "latin1"));
  const merges = await mergeHeads(repository, target);
  const tips = [...new Set([...(head.commit === undefined ? [] : [head.commit]), ...merges])];
  const tags = shallow || head.commit === undefined ? [] : await tagsOn(repository, head.commit, signal);
  const emptyBlob = await git.text(["hash-object", "-w", "--stdin"], { signal, input: Buffer.alloc(0) });
  const blobs = entries.filter(({ mode, id }) => mode !== GITLINK && id !== emptyBlob).map(({ id }) => id);
  const wanted = [
    ...(shallow ? tips.map((tip) => `--shallow ${tip}`) : []),
    ...tips,
    ...tags.map(({ id }) => id),
    ...new Set(blobs),
  ];
  const cut = shallow ? tips.map((tip) => `${tip}\n`).join("") : repository.shallow;
  if (cut !== "") await writeFileAtomic(join(target, "shallow"), Buffer.from(cut, "latin1"));
  if (wanted.length > 0) {
    const input = Buffer.from(`${wanted.join("\n")}\n`);
    const pack = ["pack-objects", "--revs", "--stdout", "--delta-base-offset", "-q"];
    await git.run(["index-pack", "--stdin"], { signal, input: repository.git.stream(pack, { signal, input }) });
  }
  const refs = [
    ...(head.commit === undefined || head.branch === undefined
      ? []
      : [`create refs/heads/${branch}\0${head.commit}\0`]),
    ...tags.map(({ ref, id }) => `create ${ref}\0${id}\0`),
  ];
  await git.run(["update-ref", "-z", "--stdin"], { signal, input: Buffer.from(refs.join("")) });
  if (head.commit !== undefined && head.branch === undefined) {
    await git.run(["update-ref", "--no-deref", "HEAD", head.commit], { signal });
    // Else HEAD would be a symbolic name still.
    await writeFileAtomic(join(target, "HEAD"), `${head.commit}\n`);
  }
  if (existsSync(index)) await copyFile(index, join(target, "index"), constants.COPYFILE_EXCL);
  return NOT_CARRIED.filter((name) => existsSync(join(repository.gitDir, name))).map(
    (name) => `what goes on in .git/${name} stays here: the copy has the commit at which it stands`,
  );
}

async function settle(git: HostGit, repository: Repository, signal: AbortSignal): Promise<void> {
  const own = repository.settings.filter(([key]) => key !== "core.bare");
  for (const [key, value] of [["core.bare", "false"] as const, ["core.logallrefupdates", "true"] as const, ...own]) {
    await git.run(["config", key, value], { signal });
  }
  const sparse = await besideHead(repository, "info/sparse-checkout", signal);
  if (sparse !== "") {
    await mkdir(join(git.place.cwd, "info"), { recursive: true });
    await writeFileAtomic(join(git.place.cwd, "info/sparse-checkout"), Buffer.from(sparse, "latin1"));
  }
}

/** Patterns of the repository's own exclude file, then of the user's. */
async function excluded(repository: Repository, signal: AbortSignal): Promise<string> {
  const own = await besideHead(repository, "info/exclude", signal);
  return [repository.ignored, own].map((text) => (text === "" || text.endsWith("\n") ? text : `${text}\n`)).join("");
}

async function besideHead(repository: Repository, name: string, signal: AbortSignal): Promise<string> {
  const path = await repository.git.text(["rev-parse", "--git-path", name], { signal });
  return smallFile(resolve(repository.top, path));
}

/** Copies what tells of a merge that goes on. @returns the commits that it names. */
async function mergeHeads(repository: Repository, target: string): Promise<readonly string[]> {
  const heads: string[] = [];
  for (const name of [...MERGE_HEADS, ...MERGE_WORDS]) {
    const text = await smallFile(join(repository.gitDir, name));
    if (text === "") continue;
    await writeFileAtomic(join(target, name), Buffer.from(text, "latin1"));
    if ((MERGE_HEADS as readonly string[]).includes(name)) heads.push(...text.trim().split("\n").filter(isObjectId));
  }
  return heads;
}

interface Tag {
  readonly ref: string;
  readonly id: string;
}

/** Tags on a commit and those before it. */
async function tagsOn(repository: Repository, commit: string, signal: AbortSignal): Promise<readonly Tag[]> {
  const args = ["for-each-ref", `--merged=${commit}`, `--count=${MAX_TAGS}`, "--format=%(objectname) %(refname)"];
  const said = (await repository.git.run([...args, "refs/tags"], { signal })).toString("utf8");
  return said
    .split("\n")
    .filter((line) => line !== "" && !line.includes("\ufffd"))
    .map((line) => ({ id: line.slice(0, line.indexOf(" ")), ref: line.slice(line.indexOf(" ") + 1) }));
}
