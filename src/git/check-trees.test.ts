import assert from "node:assert/strict";
import { test } from "node:test";
import { checkName, checkTrees, MAX_TREE_DEPTH, treeEntries, type TreeEntry } from "./check-trees.ts";

const BEFORE = { entries: 10, depth: 2, pathBytes: 20 };
const refused = { code: "WORKSPACE_REFUSED" };
const idOf = (n: number): string => n.toString(16).padStart(40, "0");
const tree = (name: string, id: string): TreeEntry => ({ mode: "40000", name, id });
const file = (name: string): TreeEntry => ({ mode: "100644", name, id: idOf(1) });

test("names that lead out of a tree, or are a repository's own, are refused", () => {
  const bad = [
    "",
    ".",
    "..",
    "a/b",
    "a\0b",
    ".git",
    ".GIT",
    ".Git",
    "git~1",
    "GIT~1",
    ".git ",
    ".git.",
    ".git...",
    ".git::$DATA",
  ];
  const zeroWidth = Buffer.from(".g\u200cit").toString("latin1");
  for (const name of [...bad, zeroWidth, ".git\\config", "x\\.git", "n".repeat(256)]) {
    assert.throws(() => checkName(name, "100644"), refused, JSON.stringify(name));
  }
  for (const name of [".gitignore", ".gitattributes", "git", "a.git", "...", "n".repeat(255), "\xff\xfe"]) {
    checkName(name, "100644");
  }
});

test("modes that git does not know are refused", () => {
  for (const mode of ["100600", "120755", "777", "0", ""]) assert.throws(() => checkName("a", mode), refused, mode);
  for (const mode of ["40000", "100644", "100755", "120000", "160000"]) checkName("a", mode);
});

test("trees that name one another unfold to too much", () => {
  const bomb = new Map<string, readonly TreeEntry[]>([
    [idOf(0), Array.from({ length: 10 }, (_none, n) => file(`f${n}`))],
  ]);
  for (let level = 1; level <= 10; level += 1) {
    bomb.set(
      idOf(level),
      Array.from({ length: 10 }, (_none, n) => tree(`d${n}`, idOf(level - 1))),
    );
    if (level <= 4) checkTrees(new Map(bomb), BEFORE);
  }
  assert.throws(() => checkTrees(bomb, BEFORE), { ...refused, message: /1000000 files/ });
});

test("trees that were here before count for as much as they may be", () => {
  const known = idOf(99);
  const names = new Map([[idOf(1), Array.from({ length: 200_000 }, (_none, n) => tree(`d${n}`, known))]]);
  assert.throws(() => checkTrees(names, BEFORE), { ...refused, message: /1000000 files/ });
  checkTrees(names, { ...BEFORE, entries: 1 });
});

test("folders in folders, and long paths, are bounded", () => {
  const deep = (levels: number, name: string): Map<string, readonly TreeEntry[]> =>
    new Map(Array.from({ length: levels }, (_none, n) => [idOf(n), [n === 0 ? file("f") : tree(name, idOf(n - 1))]]));
  checkTrees(deep(MAX_TREE_DEPTH - 1, "d"), BEFORE);
  assert.throws(() => checkTrees(deep(MAX_TREE_DEPTH + 1, "d"), BEFORE), { ...refused, message: /too deep/ });
  assert.throws(() => checkTrees(deep(100_000, "d"), BEFORE), refused);
  assert.throws(() => checkTrees(deep(30, "n".repeat(200)), BEFORE), { ...refused, message: /too long/ });
});

test("a tree object is read to its end, and one that is cut off is refused", () => {
  const content = Buffer.concat([
    Buffer.from("100644 a\0"),
    Buffer.alloc(20, 7),
    Buffer.from("40000 b\0"),
    Buffer.alloc(20, 8),
  ]);
  assert.deepEqual(
    [...treeEntries(content, 20)].map(({ mode, name, id }) => [mode, name, id.slice(0, 2)]),
    [
      ["100644", "a", "07"],
      ["40000", "b", "08"],
    ],
  );
  for (let cut = 1; cut < content.length; cut += 1) {
    if (cut === 29) continue;
    assert.throws(() => [...treeEntries(content.subarray(0, cut), 20)], refused, String(cut));
  }
});
