import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, open, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { IgnoreRules } from "./ignore-rules.ts";
import { watchFolder } from "./watch-folder.ts";

test("all that happens below a folder is told, also what is written late, and in folders that are new", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "banger-watch-"));
  const at = (path: string): string => join(folder.path, path);
  await mkdir(at("there"));
  await mkdir(at("out"));
  const ending = new AbortController();
  const changes = watchFolder(folder.path, new IgnoreRules("/out", false), ending.signal);
  let next = changes.next();
  const hear = async (path: string): Promise<void> => {
    for (;;) {
      const { value } = await next;
      next = changes.next();
      if (value?.has(path) === true) return;
    }
  };
  await writeFile(at("there/a"), "1");
  await hear("there/a");
  const file = await open(at("late"), "w");
  await hear("late");
  await file.write("later");
  await hear("late");
  await file.close();
  await mkdir(at("new/er"), { recursive: true });
  await hear("new");
  await writeFile(at("new/er/b"), "2");
  await hear("new/er/b");
  await rename(at("new"), at("moved"));
  await hear("moved");
  await writeFile(at("moved/er/c"), "3");
  await hear("moved/er/c");
  await rm(at("moved"), { recursive: true });
  await hear("moved");
  await mkdir(at("moved"));
  await hear("moved");
  await writeFile(at("moved/d"), "4");
  await hear("moved/d");
  await writeFile(at("out/no"), "5");
  const quiet = await Promise.race([next.then(({ value }) => value), after(300, "nothing")]);
  assert.equal(quiet, "nothing", "what is left out is not watched");
  ending.abort();
  await assert.rejects(next);
});
