import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { FileTree, type InodeId } from "../../../model/file-tree.ts";
import { PLAIN_ATTRIBUTES, PLAIN_DIRECTORY, type Inode } from "../../../model/inode.ts";
import { lookup, makeDirectory } from "./tree-path.ts";

function merged(): { tree: FileTree; lib: InodeId; file: InodeId } {
  const tree = new FileTree(tmpdir());
  const add = (parent: InodeId, name: string, inode: Inode): InodeId => tree.inodeOf(tree.add(parent, name, inode));
  const link = (name: string, target: string): InodeId =>
    add(tree.root, name, { type: "symlink", ...PLAIN_ATTRIBUTES, target });
  const usr = add(tree.root, "usr", PLAIN_DIRECTORY);
  const lib = add(usr, "lib", PLAIN_DIRECTORY);
  const file = add(lib, "os-release", { type: "file", ...PLAIN_ATTRIBUTES, size: 0, extents: [] });
  link("lib", "usr/lib");
  link("release", "/lib/../lib/os-release");
  link("out", "../../../../usr/lib/os-release");
  link("loop", "loop");
  return { tree, lib, file };
}

test("links are followed inside the image", () => {
  const { tree, lib, file } = merged();
  assert.equal(lookup(tree, "/lib/os-release"), file);
  assert.equal(lookup(tree, "release"), file);
  assert.equal(lookup(tree, "/lib"), lib);
  assert.equal(lookup(tree, "/out"), file, "a link out of the image stops at its root");
});

test("what leads nowhere is undefined", () => {
  const { tree } = merged();
  assert.equal(lookup(tree, "/loop"), undefined);
  assert.equal(lookup(tree, "/lib/none"), undefined);
  assert.equal(lookup(tree, "/lib/os-release/below"), undefined);
});

test("folders are made, through links, and over what is none", () => {
  const { tree, lib } = merged();
  const made = makeDirectory(tree, "/lib/a/b");
  assert.equal(lookup(tree, "/usr/lib/a/b"), made);
  assert.equal(makeDirectory(tree, "/lib"), lib);
  makeDirectory(tree, "/loop/x");
  assert.equal(tree.typeOf(lookup(tree, "/loop/x") ?? -1), "directory");
});
