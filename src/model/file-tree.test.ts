import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import fc from "fast-check";
import { FileTree, type InodeId } from "./file-tree.ts";
import { PLAIN_ATTRIBUTES, PLAIN_DIRECTORY, type Inode } from "./inode.ts";

const file = (size: number): Inode => ({ type: "file", ...PLAIN_ATTRIBUTES, size, extents: [] });

/** The same as plain objects: names lead to numbers of files, or to directories. */
type Model = Map<string, number | Model>;

const NAMES = ["a", "b", "c", "a\xff", "n".repeat(255)];
const step = fc.record({
  what: fc.constantFrom("file", "file", "directory", "link", "unlink"),
  where: fc.nat(),
  name: fc.constantFrom(...NAMES),
  other: fc.nat(),
});

function directoriesIn(tree: FileTree, model: Model): [InodeId, Model][] {
  const found: [InodeId, Model][] = [[tree.root, model]];
  for (const [id, own] of found) {
    for (const [name, child] of own) if (child instanceof Map) found.push([tree.lookup(id, name) ?? -1, child]);
  }
  return found;
}

test("any changes leave what plain maps hold, in the order of first names, with the right number of links", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      using tree = new FileTree(tmpdir());
      const model: Model = new Map();
      const files: InodeId[] = [];
      for (const { what, where, name, other } of steps) {
        const all = directoriesIn(tree, model);
        const [directory, own] = all[where % all.length] ?? [tree.root, model];
        if (what === "file") {
          files.push(tree.inodeOf(tree.add(directory, name, file(files.length))));
          own.set(name, files.length - 1);
        } else if (what === "directory") {
          tree.add(directory, name, PLAIN_DIRECTORY);
          own.set(name, new Map());
        } else if (what === "link") {
          const alive = files.filter((id) => tree.has(id));
          const id = alive[other % alive.length];
          if (id !== undefined) {
            tree.link(directory, name, id);
            own.set(name, files.indexOf(id));
          }
        } else {
          const entry = tree.find(directory, name);
          assert.equal(entry !== 0, own.delete(name));
          if (entry !== 0) tree.unlink(entry);
        }
      }
      const links = new Map<number, number>();
      for (const [id, own] of directoriesIn(tree, model)) {
        const found = [...tree.entriesOf(id)].map((entry) => tree.nameOf(entry));
        assert.deepEqual(found.toSorted(), [...own.keys()].toSorted());
        for (const [name, child] of own) {
          if (child instanceof Map) continue;
          assert.equal(tree.lookup(id, name), files[child]);
          links.set(child, (links.get(child) ?? 0) + 1);
        }
      }
      for (const [number, id] of files.entries()) {
        assert.equal(tree.has(id), links.has(number));
        assert.equal(tree.linksOf(id), links.get(number) ?? 0);
        const inode = tree.read(id);
        assert.ok(inode.type === "file" && inode.size === number);
      }
    }),
    { numRuns: 500 },
  );
});

test("a hundred thousand names, of a directory and of many, are found again, and no others", () => {
  using tree = new FileTree(tmpdir());
  for (let i = 0; i < 50_000; i += 1) tree.add(tree.root, `name-${i}`, i % 50 === 0 ? PLAIN_DIRECTORY : file(i));
  for (let i = 0; i < 50_000; i += 1) tree.add(tree.lookup(tree.root, `name-${i - (i % 50)}`) ?? -1, `${i}`, file(i));
  for (let i = 0; i < 50_000; i += 1) {
    const below = tree.lookup(tree.lookup(tree.root, `name-${i - (i % 50)}`) ?? -1, `${i}`) ?? -1;
    const inode = tree.read(below);
    assert.ok(inode.type === "file" && inode.size === i);
    assert.equal(tree.find(tree.root, `${i}`), 0);
  }
  assert.deepEqual(
    Array.from(tree.entriesOf(tree.root), (entry) => tree.nameOf(entry)),
    Array.from({ length: 50_000 }, (_, i) => `name-${i}`),
  );
});

test("a directory is described again, and what it is called and holds stays", () => {
  using tree = new FileTree(tmpdir());
  const directory = tree.inodeOf(tree.add(tree.root, "d", PLAIN_DIRECTORY));
  tree.add(directory, "f", file(1));
  tree.describe(directory, { ...PLAIN_ATTRIBUTES, mode: 0o700, xattrs: new Map([["user.a", Buffer.from("b")]]) });
  const inode = tree.read(tree.lookup(tree.root, "d") ?? -1);
  assert.deepEqual([inode.mode, inode.xattrs?.get("user.a")?.toString()], [0o700, "b"]);
  assert.notEqual(tree.find(directory, "f"), 0);
});

test("a file that takes the place of the directory it stands in is kept", () => {
  using tree = new FileTree(tmpdir());
  const directory = tree.inodeOf(tree.add(tree.root, "d", PLAIN_DIRECTORY));
  const inner = tree.inodeOf(tree.add(directory, "f", file(1)));
  tree.link(tree.root, "d", inner);
  assert.deepEqual([tree.lookup(tree.root, "d"), tree.linksOf(inner), tree.has(directory)], [inner, 1, false]);
});

test("what a tree cannot be is refused", () => {
  using tree = new FileTree(tmpdir());
  const directory = tree.inodeOf(tree.add(tree.root, "d", PLAIN_DIRECTORY));
  const inner = tree.inodeOf(tree.add(tree.root, "f", file(1)));
  assert.throws(() => tree.link(tree.root, "again", directory), /two names/);
  assert.throws(() => tree.add(inner, "below", file(1)), /only directories/);
  assert.throws(() => tree.describe(inner, PLAIN_ATTRIBUTES), /only directories/);
  assert.throws(() => tree.read(99), /no inode 99/);
  for (const name of ["", "n".repeat(256)]) assert.throws(() => tree.add(tree.root, name, file(1)), /a name of/);
});
