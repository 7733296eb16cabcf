import { existsSync } from "node:fs";
import { readFile, realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { BangerError, hasErrno } from "../lib/errors.ts";
import { run } from "../lib/process.ts";
import type { Setting } from "./git-environment.ts";
import { hostGit, type HostGit } from "./host-git.ts";

/** A user's repository, as far as a workspace needs to know it. */
export interface Repository {
  /** Top of the work tree. */
  readonly top: string;
  readonly gitDir: string;
  /** Where its objects lie. */
  readonly objects: string;
  readonly index: string;
  readonly format: "sha1" | "sha256";
  readonly head: Head;
  /** Commits whose parents it does not have, as `.git/shallow` lists them; empty where it has all. */
  readonly shallow: string;
  /** Settings that say how its files look, and who its user is: its own and the user's. */
  readonly settings: readonly Setting[];
  /** Patterns that the user's own file of ignored names has. */
  readonly ignored: string;
  /** git in it, which changes nothing of it by itself: {@link GitPlace.index} and `objects` are to be set for what writes. */
  readonly git: HostGit;
}

export interface Head {
  /** Absent where there is no commit yet. */
  readonly commit?: string;
  /** Without `refs/heads/`; absent where HEAD is detached. */
  readonly branch?: string;
}

/** Most of a small file that is read of a repository. */
const MAX_SMALL = 4 * 1024 ** 2;

/** What says how files look, whether they count, and who commits (git-config(1)). */
const CARRIED =
  "^(core\\.(autocrlf|eol|filemode|symlinks|ignorecase|precomposeunicode|quotepath|sparsecheckout|sparsecheckoutcone|excludesfile)|user\\.(name|email)|filter\\..*\\.(clean|smudge|process|required))$";

/**
 * Reads what there is to know of the repository of a work tree, and writes nothing.
 *
 * @param directory in the work tree.
 * @throws BangerError `REPOSITORY_UNFIT` for what is no work tree of git's, or another user's; `TOOL_MISSING`.
 */
export async function readRepository(directory: string, signal: AbortSignal): Promise<Repository> {
  const found = hostGit({ cwd: await existing(directory) });
  checkVersion(await found.text(["--version"], { signal }));
  const [isBare, gitDir] = await rev(found, directory, ["--is-bare-repository", "--absolute-git-dir"], signal);
  if (isBare === "true" || gitDir === undefined) throw unfit(directory, "it is a bare repository, without a work tree");
  const [top, objects, index, format] = await rev(
    found,
    directory,
    ["--show-toplevel", "--git-path", "objects", "--git-path", "index", "--show-object-format"],
    signal,
  );
  if (top === undefined || objects === undefined || index === undefined) throw unfit(directory, "it has no work tree");
  if (format !== "sha1" && format !== "sha256") throw unfit(directory, `its objects are named by ${format ?? "?"}`);
  const settings = await readSettings(found, gitDir, signal);
  const ignored = ignoredNames(settings);
  const own = settings.filter(([key]) => !key.startsWith("filter.") && key !== "core.excludesfile");
  // Filters are programs; here files are taken as they are.
  const unfiltered = settings
    .filter(([key]) => key.startsWith("filter."))
    .map(([key]): Setting => [key, key.endsWith(".required") ? "false" : ""]);
  const counted: readonly Setting[] = ignored === undefined ? [] : [["core.excludesFile", ignored]];
  const git = hostGit({ cwd: top, gitDir, workTree: top, settings: [...own, ...unfiltered, ...counted] });
  const [shallowPath] = await rev(found, directory, ["--git-path", "shallow"], signal);
  return {
    top,
    gitDir,
    objects: resolve(found.place.cwd, objects),
    index: resolve(found.place.cwd, index),
    format,
    head: await readHead(git, signal),
    shallow: shallowPath === undefined ? "" : await smallFile(resolve(found.place.cwd, shallowPath)),
    settings: own,
    ignored: ignored === undefined ? "" : await smallFile(ignored),
    git,
  };
}

/** Where HEAD points. */
export async function readHead(git: HostGit, signal: AbortSignal): Promise<Head> {
  const [branch, commit] = await Promise.all([
    git.answer(["symbolic-ref", "-q", "HEAD"], { signal, statuses: [1] }),
    git.answer(["rev-parse", "-q", "--verify", "HEAD^{commit}"], { signal, statuses: [1, 128] }),
  ]);
  const ref = branch.stdout.toString("utf8").trim();
  const id = commit.stdout.toString("latin1").trim();
  return {
    ...(commit.status === 0 && isObjectId(id) && { commit: id }),
    ...(ref.startsWith("refs/heads/") && { branch: ref.slice("refs/heads/".length) }),
  };
}

/** Whether this can name an object; nothing else is ever taken for one. */
export function isObjectId(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/** A small file of the user's repository; empty where it is not there. */
export async function smallFile(path: string): Promise<string> {
  try {
    const text = await readFile(path);
    if (text.length > MAX_SMALL) throw unfit(path, `it has ${text.length} bytes`);
    return text.toString("latin1");
  } catch (error) {
    if (hasErrno(error, "ENOENT") || hasErrno(error, "ENOTDIR")) return "";
    throw error;
  }
}

/** What is asked of git here is known since this one; older ones would take the user's settings. */
const LEAST_VERSION = [2, 34] as const;

/** @throws BangerError `TOOL_MISSING` for a git that is too old. @param said as in `git version 2.39.5`. */
export function checkVersion(said: string): void {
  const [, major = 0, minor = 0] = (/ (\d+)\.(\d+)/.exec(said) ?? []).map(Number);
  const [leastMajor, leastMinor] = LEAST_VERSION;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  throw new BangerError("TOOL_MISSING", {
    what: "git is too old on this host",
    why: `it says "${said.slice(0, 100)}"`,
    fix: `install git ${LEAST_VERSION.join(".")} or later`,
    data: { tool: "git" },
  });
}

async function existing(directory: string): Promise<string> {
  try {
    return await realpath(directory);
  } catch (error) {
    throw new BangerError("PATH_NOT_FOUND", {
      what: `there is no folder ${directory}`,
      fix: "name a work tree of git's on the daemon's host",
      cause: error,
    });
  }
}

/** Answers of rev-parse, a line each. */
async function rev(
  git: HostGit,
  directory: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<readonly (string | undefined)[]> {
  try {
    return (await git.text(["rev-parse", ...args], { signal })).split("\n");
  } catch (error) {
    if (!(error instanceof BangerError) || error.code !== "GIT_FAILED") throw error;
    const why = (error.why ?? "").split("\n")[0] ?? "";
    const isOthers = why.includes("dubious ownership");
    throw new BangerError("REPOSITORY_UNFIT", {
      what: `${directory} cannot be taken as a work tree`,
      why,
      fix: isOthers
        ? "run banger as the user whose it is; what your own settings call safe does not count here"
        : "name a folder in a work tree of git's; `git init` makes one",
      cause: error,
    });
  }
}

/**
 * Settings that a workspace shares, the user's too: reading them runs nothing. This one git has the user's environment.
 */
async function readSettings({ place }: HostGit, gitDir: string, signal: AbortSignal): Promise<readonly Setting[]> {
  const options = { signal, cwd: place.cwd, env: { GIT_DIR: gitDir }, maxOutputBytes: MAX_SMALL };
  const said = await run("git", ["config", "--includes", "-z", "--get-regexp", CARRIED], options).catch(
    (error: unknown) => {
      // There is none of them.
      if (error instanceof BangerError && error.code === "TOOL_FAILED") return { stdout: "" };
      throw error;
    },
  );
  const entries = said.stdout.split("\0").filter(Boolean);
  const found = entries.map((entry): Setting => {
    const at = entry.indexOf("\n");
    return at === -1 ? [entry, "true"] : [entry.slice(0, at), entry.slice(at + 1)];
  });
  // The last one counts, as git has it.
  return [...new Map(found)];
}

/** The user's own file of ignored names, as git finds it (gitignore(5)); undefined where there is none. */
function ignoredNames(settings: readonly Setting[]): string | undefined {
  const home = process.env["HOME"] ?? "";
  const told = new Map(settings).get("core.excludesfile");
  const config = process.env["XDG_CONFIG_HOME"] ?? resolve(home, ".config");
  const path = told === undefined ? resolve(config, "git/ignore") : told.replace(/^~(?=\/)/, home);
  return path.startsWith("/") && existsSync(path) ? path : undefined;
}

function unfit(path: string, why: string): BangerError {
  return new BangerError("REPOSITORY_UNFIT", {
    what: `${path} cannot be taken as a work tree`,
    why,
    fix: "name a folder in a work tree of git's; `git clone` makes one of a bare repository",
  });
}
