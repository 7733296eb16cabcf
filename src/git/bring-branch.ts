import { BangerError } from "../lib/errors.ts";
import type { HostGit } from "./host-git.ts";
import type { Repository } from "./read-repository.ts";
import type { Setting } from "./git-environment.ts";

/** What a branch may be made of, or moved to. */
export interface BranchRequest {
  readonly branch: string;
  /** In banger's own repository. */
  readonly commit: string;
  /** Commits that the user's repository has. */
  readonly have: readonly string[];
}

/**
 * Makes a branch of a commit in the user's repository, or moves one on that led there: the commit's objects are checked once
 * more and join the others, and then the branch has its name. Nothing is checked out, and no hook runs.
 *
 * @throws BangerError `BRANCH_TAKEN` where it is there and does not lead to the commit, or is checked out; `BAD_REQUEST`.
 */
export async function bringBranch(
  repository: Repository,
  home: HostGit,
  { branch, commit, have }: BranchRequest,
  signal: AbortSignal,
): Promise<void> {
  const { git } = repository;
  const before = await checkBranch(repository, branch, signal);
  const both = git.at({ alternates: [`${home.place.cwd}/objects`] });
  if (before !== undefined && !(await isAncestor(both, before, commit, signal))) {
    throw taken(branch, "what it has is not part of what came from the workspace");
  }
  const wanted = [commit, ...have.map((id) => `^${id}`)];
  const input = Buffer.from(`${wanted.join("\n")}\n`);
  const pack = home.stream(["pack-objects", "--revs", "--stdout", "--delta-base-offset", "-q"], { signal, input });
  await git.run(["index-pack", "--stdin", "--strict", "--threads=1"], { signal, input: pack });
  const line = `update refs/heads/${branch}\0${commit}\0${before ?? "0".repeat(commit.length)}\0`;
  const known = git.at({ env: identity(repository) });
  await known.run(["update-ref", "-m", "banger workspace pull", "-z", "--stdin"], { signal, input: Buffer.from(line) });
}

/**
 * Holds a branch's name against git's rules.
 *
 * @returns the commit that it has; undefined where there is no such branch.
 * @throws BangerError `BAD_REQUEST`; `BRANCH_TAKEN` where it is checked out in some work tree.
 */
export async function checkBranch(
  { git }: Repository,
  branch: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const ref = `refs/heads/${branch}`;
  const { status } = await git.answer(["check-ref-format", ref], { signal, statuses: [1, 128, 129] });
  if (status !== 0 || branch.startsWith("-")) {
    throw new BangerError("BAD_REQUEST", { what: `"${branch}" can name no branch`, fix: "choose another name" });
  }
  const format = "--format=%(objectname) %(worktreepath)";
  const [found] = (await git.text(["for-each-ref", format, ref], { signal })).split("\n");
  if (found === undefined || found === "") return undefined;
  const [id = "", ...at] = found.split(" ");
  if (at.join(" ") !== "") throw taken(branch, `it is checked out in ${at.join(" ")}`);
  return id;
}

/** Whether one commit leads to the other. */
export async function isAncestor(git: HostGit, before: string, after: string, signal: AbortSignal): Promise<boolean> {
  const { status } = await git.answer(["merge-base", "--is-ancestor", before, after], { signal, statuses: [1, 128] });
  return status === 0;
}

/** Who a repository's user is, as its settings say; banger itself where they do not. */
export function identity({ settings }: { readonly settings: readonly Setting[] }): Readonly<Record<string, string>> {
  const of = new Map(settings);
  const name = of.get("user.name") ?? "banger";
  const email = of.get("user.email") ?? "banger@localhost";
  return {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
  };
}

function taken(branch: string, why: string): BangerError {
  return new BangerError("BRANCH_TAKEN", {
    what: `branch ${branch} is not moved`,
    why,
    fix: "name another one with `branch`; nothing was changed",
  });
}
