import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { IgnoreRules } from "./ignore-rules.ts";
import { scanFolder } from "./scan-folder.ts";

test("rules of a file hold for all of it, below folders too, and can be taken back", () => {
  const rules = new IgnoreRules("*.o\n!keep.o\n/build/\nlogs/", false);
  const out = ["a.o", "src/a.o", "build/x", "build/deep/x", "src/logs/x"];
  for (const path of out) assert.ok(rules.ignores(path, false), path);
  for (const path of ["keep.o", "src/keep.o", "src/build/x", "src/a.c"]) assert.ok(!rules.ignores(path, false), path);
  assert.ok(rules.ignores("logs", true));
  assert.ok(!rules.ignores("logs", false), "a file of that name is no folder");
  assert.ok(!new IgnoreRules(undefined, false).ignores("a.o", false));
});

test("each folder's .gitignore holds below it, the deepest has the last word, and only where asked", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "banger-rules-"));
  const top = folder.path;
  await mkdir(join(top, "sub"));
  await writeFile(join(top, ".gitignore"), "*.log\nsecret\n");
  await writeFile(join(top, "sub/.gitignore"), "!wanted.log\n");
  for (const name of ["a.log", "b", "secret", "sub/wanted.log", "sub/other.log", "sub/secret"]) {
    await writeFile(join(top, name), name);
  }
  const seen = await scanFolder(top, new IgnoreRules(undefined, true));
  assert.deepEqual([...seen.keys()], [".gitignore", "b", "sub", "sub/.gitignore", "sub/wanted.log"]);
  const later = new IgnoreRules(undefined, true);
  await later.enter(top, "");
  await writeFile(join(top, ".gitignore"), "b\n");
  await later.enter(top, "");
  assert.deepEqual([later.ignores("a.log", false), later.ignores("b", false)], [false, true], "what it says now");
  assert.deepEqual(
    ["sub/.gitignore", ".gitignore", "a.gitignore"].map((path) => IgnoreRules.isRulesFile(path)),
    [true, true, false],
  );
  await assert.rejects(scanFolder(join(top, "b"), later), { code: "FILE_UNREADABLE" }, "a file is no empty folder");
  await assert.rejects(scanFolder(join(top, "gone"), later), { code: "FILE_UNREADABLE" }, "nor is what is gone");
  const all = await scanFolder(top, new IgnoreRules("/b", false));
  assert.equal(all.size, 8);
  assert.ok(all.has("a.log") && !all.has("b"));
});
