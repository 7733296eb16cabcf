import assert from "node:assert/strict";
import { test } from "node:test";
import { planPlacing, readEnd } from "./ends.ts";

test("what is typed is in a VM, here, or a stream", () => {
  assert.deepEqual(readEnd("demo:/srv/a:b"), { kind: "vm", ref: "demo", path: "/srv/a:b" });
  assert.deepEqual(readEnd("demo:notes"), { kind: "vm", ref: "demo", path: "notes" });
  assert.deepEqual(readEnd("demo:"), { kind: "vm", ref: "demo", path: "." });
  assert.deepEqual(readEnd("./a:b"), { kind: "local", path: "./a:b" });
  assert.deepEqual(readEnd("/srv/a:b"), { kind: "local", path: "/srv/a:b" });
  assert.deepEqual(readEnd("notes"), { kind: "local", path: "notes" });
  assert.deepEqual(readEnd("-"), { kind: "stream" });
});

test("a copy goes into a folder that is there, and else by the target's name", () => {
  const folder = { isFolder: true };
  assert.deepEqual(planPlacing("a/site/", "/srv", folder), { folder: "/srv", name: "site" });
  assert.deepEqual(planPlacing("a/site", "/srv/new", undefined), { folder: "/srv", name: "new" });
  assert.deepEqual(planPlacing("a/site", "/new", undefined), { folder: "/", name: "new" });
  assert.deepEqual(planPlacing("a/site", "new", undefined), { folder: ".", name: "new" });
  assert.deepEqual(planPlacing("a/f", "old", { isFolder: false }), { folder: ".", name: "old" });
});

test("what has no name, or is no folder, is refused", () => {
  assert.throws(() => planPlacing("/", "/srv", { isFolder: true }), { code: "FILE_UNFIT" });
  assert.throws(() => planPlacing("a/..", "/srv", { isFolder: true }), { code: "FILE_UNFIT" });
  assert.throws(() => planPlacing("a", "/srv/", undefined), { code: "PATH_NOT_FOUND" });
  assert.throws(() => planPlacing("a", "/etc/passwd/", { isFolder: false }), { code: "FILE_UNFIT" });
  assert.throws(() => planPlacing("a", "/srv/..", undefined), { code: "PATH_NOT_FOUND" });
});
