import assert from "node:assert/strict";
import { test } from "node:test";
import { link, newDirectory, newFile, newRoot, newSymlink, PLAIN_DIRECTORY } from "../../model/file-tree.ts";
import { makeVolumes } from "./make-volumes.ts";
import { lookup } from "./tree-path.ts";

function tree() {
  const root = newRoot();
  const srv = newDirectory({ ...PLAIN_DIRECTORY, mode: 0o700, uid: 1000, gid: 1000 });
  link(root, "srv", srv);
  link(srv, "kept", newFile(PLAIN_DIRECTORY, 0, undefined));
  link(root, "file", newFile(PLAIN_DIRECTORY, 0, undefined));
  link(root, "data", newSymlink(PLAIN_DIRECTORY, "srv"));
  link(root, "lost", newSymlink(PLAIN_DIRECTORY, "/nowhere"));
  return root;
}

test("a volume that is missing is made of root, with its parents; one that is there stays as it is", () => {
  const root = tree();
  makeVolumes(root, ["/var/lib/db", "/srv", "/data/deeper", "/caf\u00e9/"]);
  const made = lookup(root, "/var/lib/db");
  assert.ok(made?.type === "directory");
  assert.deepEqual([made.mode, made.uid, made.gid], [0o755, 0, 0]);
  const srv = lookup(root, "/srv");
  assert.ok(srv?.type === "directory" && srv.entries.has("kept"));
  assert.deepEqual([srv.mode, srv.uid], [0o700, 1000]);
  assert.equal(lookup(root, "/srv/deeper")?.type, "directory", "links are followed inside the image");
  assert.equal(root.entries.get("caf\u00c3\u00a9")?.type, "directory", "in UTF-8");
});

test("nothing gives way to a volume, and what is no path in the image makes nothing", () => {
  const root = tree();
  const before = [...root.entries.keys()];
  const odd = ["/file", "/file/below", "/lost", "/lost/below", "relative", "", "/", "/../up", "/a/../../b", "/n\0ul"];
  makeVolumes(root, [...odd, `/${"x".repeat(256)}`, `/${"d/".repeat(65)}`]);
  assert.deepEqual([...root.entries.keys()], before);
  assert.equal(lookup(root, "/file")?.type, "file");
  makeVolumes(
    root,
    Array.from({ length: 1000 }, (_, i) => `/v/${i}`),
  );
  const many = lookup(root, "/v");
  assert.ok(many?.type === "directory");
  assert.equal(many.entries.size, 256);
});
