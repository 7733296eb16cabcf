import assert from "node:assert/strict";
import { test } from "node:test";
import { type GuestEntry, planSync } from "./plan-sync.ts";
import type { LocalEntry, LocalTree } from "./scan-folder.ts";

const file = (more: Partial<LocalEntry> = {}): LocalEntry => ({
  type: "file",
  mode: 0o644,
  sizeBytes: 3,
  mtime: 1000.25,
  ...more,
});
const folder: LocalEntry = { type: "directory", mode: 0o755, sizeBytes: 4096, mtime: 1 };
const there = (path: string, entry: LocalEntry, more: Partial<GuestEntry> = {}): GuestEntry => ({
  path,
  ...entry,
  ...more,
});
const tree = (entries: Readonly<Record<string, LocalEntry>>): LocalTree => new Map(Object.entries(entries));
const none = (): boolean => false;

test("what differs in size, second, mode, kind or target is sent, and nothing else", () => {
  const link = { ...file(), type: "symlink", target: "a" } as const;
  const local = tree({
    same: file(),
    size: file(),
    time: file(),
    mode: file(),
    kind: file(),
    link,
    new: file(),
    dir: folder,
  });
  const guest = [
    there("same", file(), { mtime: 1000 }),
    there("size", file(), { sizeBytes: 4 }),
    there("time", file(), { mtime: 1001 }),
    there("mode", file(), { mode: 0o755 }),
    there("kind", link),
    there("link", link, { target: "b", mtime: 1 }),
    there("dir", folder, { mtime: 77 }),
  ];
  assert.deepEqual(planSync(local, guest, false, none), {
    remove: [],
    send: ["size", "time", "mode", "kind", "link", "new"],
  });
  assert.deepEqual(planSync(tree({ link }), [there("link", link, { mtime: 9, mode: 0o777 })], true, none).send, []);
});

test("what is there alone goes only where that is asked for, a folder in one piece", () => {
  const guest = [there("old", folder), there("old/a", file()), there("old/b", folder), there("keep", file())];
  const local = tree({ keep: file() });
  assert.deepEqual(planSync(local, guest, false, none).remove, []);
  assert.deepEqual(planSync(local, guest, true, none).remove, ["old"]);
});

test("what is left out stays, and so do the folders that it lies in", () => {
  const guest = ["a", "a/b", "a/b/left", "a/c"].map((path) =>
    there(path, path.length < 4 && path !== "a/c" ? folder : file()),
  );
  const plan = planSync(tree({}), guest, true, (path) => path === "a/b/left");
  assert.deepEqual(plan.remove, ["a/c"]);
});

test("a folder and what is none give way to each other first, whether or not anything is deleted", () => {
  const guest = [there("was-folder", folder), there("was-folder/x", file()), there("was-file", file())];
  const local = tree({ "was-folder": file(), "was-file": folder, "was-file/y": file() });
  assert.deepEqual(planSync(local, guest, false, none), {
    remove: ["was-file", "was-folder"],
    send: ["was-folder", "was-file", "was-file/y"],
  });
});
