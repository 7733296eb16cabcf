import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { history, type MadeRepository } from "./made-repository.ts";
import { gitIn } from "./work-scene.ts";
import { WORK_TREES } from "./work-trees.ts";

/** Forty shapes that users' repositories have. */
export const REPOSITORIES: readonly MadeRepository[] = [
  ...WORK_TREES,
  {
    called: "a branch with a slash and letters of all kinds",
    async make(s) {
      await s.begin();
      s.git("checkout", "-q", "-b", "feature/größe-1.0");
    },
  },
  {
    called: "a linked work tree",
    async make(s) {
      await s.begin();
      s.git("worktree", "add", "-q", "-b", "linked", join(s.folder, "host/linked"));
      await s.write("a", "changed here\n", join(s.folder, "host/linked"));
      return join(s.folder, "host/linked");
    },
  },
  {
    called: "a folder below the top",
    async make(s) {
      await s.begin();
      return join(s.top, "sub");
    },
  },
  {
    called: "a .git that is elsewhere",
    async make(s) {
      s.git("init", "-q", "-b", "main", "--separate-git-dir", join(s.folder, "host/elsewhere"));
      await s.write("a", "a\n");
      s.git("add", ".");
      s.git("commit", "-q", "-m", "first");
    },
  },
  {
    called: "a shallow clone",
    async make(s) {
      await history(s, 5);
      gitIn(s.folder, ["clone", "-q", "--depth", "2", `file://${s.top}`, join(s.folder, "host/shallow")]);
      return join(s.folder, "host/shallow");
    },
  },
  { called: "without its history", send: { shallow: true }, make: (s) => history(s, 5) },
  {
    called: "a shallow clone without its history",
    send: { shallow: true },
    async make(s) {
      await history(s, 5);
      gitIn(s.folder, ["clone", "-q", "--depth", "3", `file://${s.top}`, join(s.folder, "host/shallow")]);
      return join(s.folder, "host/shallow");
    },
  },
  {
    called: "a clone that borrows objects",
    async make(s) {
      await history(s, 3);
      gitIn(s.folder, ["clone", "-q", "--shared", s.top, join(s.folder, "host/borrower")]);
      return join(s.folder, "host/borrower");
    },
  },
  {
    called: "a sparse checkout by cones",
    async make(s) {
      await s.begin();
      await s.write("left/x", "x\n");
      await s.write("right/y", "y\n");
      s.git("add", ".");
      s.git("commit", "-q", "-m", "both");
      s.git("sparse-checkout", "set", "--cone", "left");
      await s.write("left/x", "changed\n");
    },
  },
  {
    called: "a sparse checkout with a sparse index",
    async make(s) {
      await s.begin();
      await s.write("left/x", "x\n");
      await s.write("right/y", "y\n");
      s.git("add", ".");
      s.git("commit", "-q", "-m", "both");
      s.git("sparse-checkout", "set", "--cone", "--sparse-index", "left");
    },
  },
  {
    called: "an index that is split",
    async make(s) {
      await s.begin();
      s.git("config", "core.splitIndex", "true");
      s.git("update-index", "--split-index");
      await s.write("late", "late\n");
      s.git("add", "late");
    },
  },
  {
    called: "an index of version 4 with an untracked cache",
    async make(s) {
      await s.begin();
      s.git("update-index", "--index-version", "4");
      s.git("update-index", "--force-untracked-cache");
    },
  },
  {
    called: "files that are only intended, assumed unchanged, or skipped",
    async make(s) {
      await s.begin();
      await s.write("meant", "meant\n");
      s.git("add", "-N", "meant");
      s.git("update-index", "--assume-unchanged", "sub/b");
    },
  },
  {
    called: "a submodule",
    notes: /submodules go as plain files.*lib/,
    async make(s) {
      const lib = join(s.folder, "host/lib");
      await mkdir(lib);
      gitIn(lib, ["init", "-q", "-b", "main"]);
      await s.write("l", "l\n", lib);
      gitIn(lib, ["add", "."]);
      gitIn(lib, ["commit", "-q", "-m", "lib"]);
      await s.begin();
      s.git("submodule", "add", "-q", lib, "lib");
      s.git("commit", "-q", "-m", "lib");
    },
  },
  {
    called: "a submodule that is not filled",
    async make(s) {
      await s.begin();
      const id = s.git("rev-parse", "HEAD").trim();
      await s.write(".gitmodules", '[submodule "lib"]\n\tpath = lib\n\turl = ./lib\n');
      s.git("update-index", "--add", "--cacheinfo", `160000,${id},lib`);
      s.git("add", ".gitmodules");
      await mkdir(join(s.top, "lib"));
      s.git("commit", "-q", "-m", "lib");
    },
  },
  {
    called: "files of LFS",
    notes: /LFS.*big\.bin/,
    async make(s) {
      await s.begin();
      await s.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
      await s.write("big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n");
      s.git("add", ".");
      s.git("commit", "-q", "-m", "lfs");
    },
  },
  {
    called: "a repository within",
    send: { untracked: true },
    notes: /repositories in the work tree stay here: inner/,
    untracked: true,
    async make(s) {
      await s.begin();
      await mkdir(join(s.top, "inner"));
      gitIn(join(s.top, "inner"), ["init", "-q"]);
      await s.write("inner/x", "x\n");
      gitIn(join(s.top, "inner"), ["add", "."]);
      gitIn(join(s.top, "inner"), ["commit", "-q", "-m", "inner"]);
    },
  },
  {
    called: "objects named by SHA-256",
    async make(s) {
      s.git("init", "-q", "-b", "main", "--object-format=sha256");
      await s.write("a", "a\n");
      s.git("add", ".");
      s.git("commit", "-q", "-m", "first");
      await s.write("a", "changed\n");
    },
  },
  {
    called: "objects in packs, and refs that stand in for others",
    async make(s) {
      await history(s, 4);
      s.git("gc", "-q");
      s.git("replace", "HEAD~1", "HEAD~2");
    },
  },
];
