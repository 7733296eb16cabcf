import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { FileTree } from "../../../model/file-tree.ts";
import { PLAIN_ATTRIBUTES, type Inode } from "../../../model/inode.ts";
import { makeFolders } from "./make-folders.ts";
import { lookup } from "../inspect/tree-path.ts";

const FILE: Inode = { type: "file", ...PLAIN_ATTRIBUTES, size: 0, extents: [] };

function draw(): FileTree {
  const tree = new FileTree(tmpdir());
  const srv = tree.add(tree.root, "srv", { type: "directory", ...PLAIN_ATTRIBUTES, mode: 0o700, uid: 1000, gid: 1000 });
  tree.add(tree.inodeOf(srv), "kept", FILE);
  tree.add(tree.root, "file", FILE);
  tree.add(tree.root, "data", { type: "symlink", ...PLAIN_ATTRIBUTES, target: "srv" });
  tree.add(tree.root, "lost", { type: "symlink", ...PLAIN_ATTRIBUTES, target: "/nowhere" });
  return tree;
}

function at(tree: FileTree, path: string): Inode | undefined {
  const found = lookup(tree, path);
  return found === undefined ? undefined : tree.read(found);
}

function namesIn(tree: FileTree, path: string): string[] {
  return Array.from(tree.entriesOf(lookup(tree, path) ?? -1), (entry) => tree.nameOf(entry));
}

test("a volume that is missing is made of root, with its parents; one that is there stays as it is", () => {
  using tree = draw();
  makeFolders(tree, ["/var/lib/db", "/srv", "/data/deeper", "/caf\u00e9/"]);
  const made = at(tree, "/var/lib/db");
  assert.deepEqual([made?.type, made?.mode, made?.uid, made?.gid], ["directory", 0o755, 0, 0]);
  const srv = at(tree, "/srv");
  assert.deepEqual([srv?.mode, srv?.uid], [0o700, 1000]);
  assert.deepEqual(namesIn(tree, "/srv"), ["kept", "deeper"], "links are followed inside the image");
  assert.equal(at(tree, "caf\u00c3\u00a9")?.type, "directory", "in UTF-8");
});

test("nothing gives way to a volume, and what is no path in the image makes nothing", () => {
  using tree = draw();
  const before = namesIn(tree, "/");
  const odd = ["/file", "/file/below", "/lost", "/lost/below", "relative", "", "/", "/../up", "/a/../../b", "/n\0ul"];
  makeFolders(tree, [...odd, `/${"x".repeat(256)}`, `/${"d/".repeat(65)}`]);
  assert.deepEqual(namesIn(tree, "/"), before);
  assert.equal(at(tree, "/file")?.type, "file");
  makeFolders(
    tree,
    Array.from({ length: 1000 }, (_, i) => `/v/${i}`),
  );
  assert.equal(namesIn(tree, "/v").length, 256);
});
