import { chmod, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fails, type MadeRepository } from "./made-repository.ts";

/** What lies in work trees and indexes. */
export const WORK_TREES: readonly MadeRepository[] = [
  { called: "one commit", make: (s) => s.begin() },
  {
    called: "no commit yet",
    async make(s) {
      s.git("init", "-q", "-b", "trunk");
      await s.write("new", "new\n");
      s.git("add", "new");
    },
  },
  {
    called: "nothing at all",
    async make(s) {
      s.git("init", "-q");
    },
  },
  {
    called: "staged, unstaged, and both in one file",
    async make(s) {
      await s.begin();
      await s.write("a", "staged\n");
      s.git("add", "a");
      await s.write("a", "staged\nand more\n");
      await s.write("sub/b", "unstaged\n");
      await s.write("added", "added\n");
      s.git("add", "added");
    },
  },
  {
    called: "deleted in the index, and in the work tree alone",
    async make(s) {
      await s.begin();
      await s.write("c", "c\n");
      s.git("add", "c");
      s.git("commit", "-q", "-m", "c");
      s.git("rm", "-q", "a");
      await rm(join(s.top, "c"));
    },
  },
  {
    called: "renamed",
    async make(s) {
      await s.begin();
      s.git("mv", "a", "z");
    },
  },
  {
    called: "untracked files by choice, ignored ones not",
    send: { untracked: true },
    async make(s) {
      await s.begin();
      await s.write(".gitignore", "*.log\n/build/\n");
      await s.write("x.log", "ignored\n");
      await s.write("build/out", "ignored\n");
      await s.write("new dir/new file", "untracked\n");
      await s.write(".git/info/exclude", "secret\n");
      await s.write("secret", "ignored too\n");
    },
  },
  {
    called: "untracked files that stay",
    untracked: true,
    async make(s) {
      await s.begin();
      await s.write("scratch", "mine\n");
    },
  },
  {
    called: "detached HEAD",
    async make(s) {
      await s.begin();
      await s.write("a", "second\n");
      s.git("commit", "-q", "-a", "-m", "second");
      s.git("checkout", "-q", "--detach", "HEAD~1");
    },
  },
  {
    called: "a merge with conflicts that goes on",
    async make(s) {
      await s.begin();
      s.git("checkout", "-q", "-b", "other");
      await s.write("a", "theirs\n");
      s.git("commit", "-q", "-a", "-m", "theirs");
      s.git("checkout", "-q", "main");
      await s.write("a", "ours\n");
      s.git("commit", "-q", "-a", "-m", "ours");
      fails(() => s.git("merge", "-q", "other"));
    },
  },
  {
    called: "a cherry-pick that goes on",
    async make(s) {
      await s.begin();
      s.git("checkout", "-q", "-b", "other");
      await s.write("a", "theirs\n");
      s.git("commit", "-q", "-a", "-m", "theirs");
      s.git("checkout", "-q", "main");
      await s.write("a", "ours\n");
      s.git("commit", "-q", "-a", "-m", "ours");
      fails(() => s.git("cherry-pick", "other"));
    },
  },
  {
    called: "a rebase that goes on",
    notes: /rebase-merge/,
    async make(s) {
      await s.begin();
      s.git("checkout", "-q", "-b", "other");
      await s.write("a", "theirs\n");
      s.git("commit", "-q", "-a", "-m", "theirs");
      s.git("checkout", "-q", "main");
      await s.write("a", "ours\n");
      s.git("commit", "-q", "-a", "-m", "ours");
      s.git("checkout", "-q", "other");
      fails(() => s.git("rebase", "main"));
    },
  },
  {
    called: "merge commits and tags",
    async make(s) {
      await s.begin();
      s.git("checkout", "-q", "-b", "side");
      await s.write("side", "side\n");
      s.git("add", ".");
      s.git("commit", "-q", "-m", "side");
      s.git("checkout", "-q", "main");
      await s.write("main", "main\n");
      s.git("add", ".");
      s.git("commit", "-q", "-m", "main");
      s.git("merge", "-q", "--no-edit", "side");
      s.git("tag", "-a", "v1", "-m", "one");
      s.git("tag", "light");
      s.git("pack-refs", "--all");
    },
  },
  {
    called: "lines that end in CRLF, kept as they are",
    async make(s) {
      await s.begin();
      await s.write("dos.txt", "one\r\ntwo\r\n");
      s.git("add", ".");
      s.git("commit", "-q", "-m", "dos");
      await s.write("dos.txt", "one\r\ntwo\r\nthree\r\n");
    },
  },
  {
    called: "CRLF by autocrlf",
    async make(s) {
      await s.begin();
      s.git("config", "core.autocrlf", "true");
      await s.write("dos.txt", "one\r\ntwo\r\n");
      s.git("add", ".");
      s.git("commit", "-q", "-m", "dos");
      await s.write("more.txt", "one\r\n");
      s.git("add", ".");
    },
  },
  {
    called: "CRLF by attributes",
    async make(s) {
      await s.begin();
      await s.write(".gitattributes", "*.txt text eol=crlf\n*.bin -text\n");
      await s.write("dos.txt", "one\r\ntwo\r\n");
      await s.write("x.bin", "\r\n\0");
      s.git("add", ".");
      s.git("commit", "-q", "-m", "dos");
    },
  },
  {
    called: "executable bits",
    async make(s) {
      await s.begin();
      await s.write("run", "#!/bin/sh\n");
      await chmod(join(s.top, "run"), 0o755);
      s.git("add", ".");
      s.git("commit", "-q", "-m", "run");
      await chmod(join(s.top, "a"), 0o755);
      await chmod(join(s.top, "run"), 0o644);
    },
  },
  {
    called: "executable bits that do not count",
    async make(s) {
      await s.begin();
      s.git("config", "core.fileMode", "false");
      await chmod(join(s.top, "a"), 0o755);
    },
  },
  {
    called: "symbolic links",
    async make(s) {
      await s.begin();
      await symlink("a", join(s.top, "link"));
      await symlink("/nowhere/at all", join(s.top, "broken"));
      s.git("add", ".");
      s.git("commit", "-q", "-m", "links");
      await rm(join(s.top, "link"));
      await symlink("sub/b", join(s.top, "link"));
    },
  },
  {
    called: "a file that became a folder, and a folder that became a link",
    async make(s) {
      await s.begin();
      await s.write("d/x", "x\n");
      s.git("add", ".");
      s.git("commit", "-q", "-m", "d");
      await rm(join(s.top, "a"));
      await s.write("a/inside", "inside\n");
      s.git("add", ".");
      await rm(join(s.top, "d"), { recursive: true });
      await symlink("sub", join(s.top, "d"));
    },
    untracked: true,
  },
  {
    called: "names of every kind",
    async make(s) {
      await s.begin();
      for (const name of [
        "ünïcödé",
        "日本/語",
        "tab\there",
        "new\nline",
        "-dash",
        "quote\"'",
        " space ",
        "back\\slash",
        "ⓖit",
      ]) {
        await s.write(name, `${name}\n`);
      }
      await writeFile(Buffer.concat([Buffer.from(`${s.top}/`), Buffer.from([0xff, 0xfe, 0x41])]), "no UTF-8\n");
      await s.write(`${"long".repeat(40)}/${"name".repeat(50)}`, "long\n");
      s.git("add", ".");
      s.git("commit", "-q", "-m", "names");
      await s.write("日本/語", "changed\n");
    },
  },
];
