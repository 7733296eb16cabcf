import assert from "node:assert/strict";
import { test } from "node:test";
import { longLine, permissions } from "./file-line.ts";

test("permissions as ls writes them", () => {
  for (const [mode, text] of [
    [0o755, "rwxr-xr-x"],
    [0o000, "---------"],
    [0o4755, "rwsr-xr-x"],
    [0o4644, "rwSr--r--"],
    [0o2755, "rwxr-sr-x"],
    [0o2745, "rwxr-Sr-x"],
    [0o1777, "rwxrwxrwt"],
    [0o1776, "rwxrwxrwT"],
    [0o7777, "rwsrwsrwt"],
  ] as const) {
    assert.equal(permissions(mode), text, mode.toString(8));
  }
});

test("a line for each kind of file", () => {
  const file = { path: "/f", type: "file", mode: 0o644, uid: 0, gid: 5, sizeBytes: 12, links: 2, mtime: 0 } as const;
  assert.equal(longLine(file), "-rw-r--r--   2     0     5         12 1970-01-01 00:00 /f");
  assert.match(longLine({ ...file, type: "symlink", target: "/to" }), /^l.* \/f -> \/to$/);
  assert.match(longLine({ ...file, type: "char", device: [5, 1] }), /^c.* 5, 1 1970/);
  assert.match(longLine({ ...file, mtime: -1.5 }), / 1969-12-31 23:59 /);
  assert.match(longLine({ ...file, mtime: 2 ** 53 }), / @9007199254740992 /);
});
