import assert from "node:assert/strict";
import { test } from "node:test";
import { link, newDirectory, newFile, newRoot, newSymlink, PLAIN_DIRECTORY } from "../../model/file-tree.ts";
import { lookup, makeDirectory } from "./tree-path.ts";

const plain = PLAIN_DIRECTORY;

function merged() {
  const root = newRoot();
  const usr = newDirectory(plain);
  const lib = newDirectory(plain);
  const file = newFile(plain, 0, undefined);
  link(root, "usr", usr);
  link(usr, "lib", lib);
  link(root, "lib", newSymlink(plain, "usr/lib"));
  link(lib, "os-release", file);
  link(root, "release", newSymlink(plain, "/lib/../lib/os-release"));
  link(root, "out", newSymlink(plain, "../../../../usr/lib/os-release"));
  link(root, "loop", newSymlink(plain, "loop"));
  return { root, lib, file };
}

test("links are followed inside the image", () => {
  const { root, lib, file } = merged();
  assert.equal(lookup(root, "/lib/os-release"), file);
  assert.equal(lookup(root, "release"), file);
  assert.equal(lookup(root, "/lib"), lib);
  assert.equal(lookup(root, "/out"), file, "a link out of the image stops at its root");
});

test("what leads nowhere is undefined", () => {
  const { root } = merged();
  assert.equal(lookup(root, "/loop"), undefined);
  assert.equal(lookup(root, "/lib/none"), undefined);
  assert.equal(lookup(root, "/lib/os-release/below"), undefined);
});

test("folders are made, through links, and over what is none", () => {
  const { root, lib } = merged();
  const made = makeDirectory(root, "/lib/a/b");
  assert.equal(lookup(root, "/usr/lib/a/b"), made);
  assert.equal(makeDirectory(root, "/lib"), lib);
  makeDirectory(root, "/loop/x");
  assert.equal(lookup(root, "/loop/x")?.type, "directory");
});
