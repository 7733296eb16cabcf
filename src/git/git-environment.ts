/** A setting of git's: key and value. */
export type Setting = readonly [key: string, value: string];

/** Where a command of git's works. What is absent git finds by itself, from the folder that it works in. */
export interface GitPlace {
  readonly cwd: string;
  readonly gitDir?: string;
  readonly workTree?: string;
  /** The file that is its index, in place of the repository's. */
  readonly index?: string;
  /** Where new objects go, in place of the repository's. */
  readonly objects?: string;
  /** Where other objects are read from. */
  readonly alternates?: readonly string[];
  /** In place of what the repository itself says. */
  readonly settings?: readonly Setting[];
  /** Variables besides: who commits, and when. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * What holds for every git that runs on this host, whatever a repository says: nothing is executed besides git itself,
 * nothing is fetched, and nothing is put in order behind anybody's back (git-config(1)).
 */
const ALWAYS: readonly Setting[] = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.untrackedCache", "false"],
  ["core.splitIndex", "false"],
  ["core.attributesFile", "/dev/null"],
  ["core.pager", "cat"],
  ["core.editor", "false"],
  ["core.askPass", "false"],
  ["core.sshCommand", "false"],
  ["core.alternateRefsCommand", "false"],
  ["credential.helper", ""],
  ["protocol.allow", "never"],
  ...["ext", "file", "git", "http", "https", "ssh"].map((name): Setting => [`protocol.${name}.allow`, "never"]),
  ["submodule.recurse", "false"],
  ["fetch.recurseSubmodules", "false"],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["index.sparse", "false"],
  ["index.skipHash", "false"],
  ["commit.gpgSign", "false"],
  ["log.showSignature", "false"],
  // A pack is mapped in parts, and a large file is never held whole: what a guest sends is read within a limit of memory.
  ["core.packedGitWindowSize", "16m"],
  ["core.packedGitLimit", "128m"],
  ["core.bigFileThreshold", "8m"],
  ["pack.threads", "1"],
  // Deltas that are there go along, and none are looked for: the way is short, and the search costs more than it saves.
  ["pack.window", "0"],
];

/**
 * The variables of a git on this host, beside those that any child of ours gets: neither the system's nor the user's
 * settings count, no object stands in for another, nobody is asked, and no lock is taken for convenience.
 */
export function gitEnvironment(place: GitPlace): Readonly<Record<string, string>> {
  const settings = [...ALWAYS, ...(place.settings ?? [])];
  const numbered = settings.flatMap(([key, value], at): readonly Setting[] => [
    [`GIT_CONFIG_KEY_${at}`, key],
    [`GIT_CONFIG_VALUE_${at}`, value],
  ]);
  return {
    LC_ALL: "C",
    HOME: "/nonexistent",
    XDG_CONFIG_HOME: "/nonexistent",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_SYSTEM: "/dev/null",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_NO_LAZY_FETCH: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_LITERAL_PATHSPECS: "1",
    GIT_PAGER: "cat",
    GIT_EDITOR: "false",
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(numbered),
    ...(place.gitDir !== undefined && { GIT_DIR: place.gitDir }),
    ...(place.workTree !== undefined && { GIT_WORK_TREE: place.workTree }),
    ...(place.index !== undefined && { GIT_INDEX_FILE: place.index }),
    ...(place.objects !== undefined && { GIT_OBJECT_DIRECTORY: place.objects }),
    ...(place.alternates !== undefined && { GIT_ALTERNATE_OBJECT_DIRECTORIES: place.alternates.map(quoted).join(":") }),
    ...place.env,
  };
}

/** A path in a list that colons part, as git reads it (git(1), GIT_ALTERNATE_OBJECT_DIRECTORIES). */
function quoted(path: string): string {
  return `"${path.replaceAll(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}
