import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findExecutable } from "./find-executable.ts";

test("finds what may be executed, in the order of the path", async () => {
  const folder = await mkdtemp(join(tmpdir(), "find-"));
  try {
    const tool = join(folder, "tool");
    await writeFile(tool, "");
    assert.equal(await findExecutable("tool", folder), undefined);
    await chmod(tool, 0o755);
    assert.equal(await findExecutable("tool", `/nonexistent:relative:${folder}`), tool);
    assert.equal(await findExecutable(tool, ""), tool);
    assert.equal(await findExecutable(folder, ""), undefined, "a folder is no program");
  } finally {
    await rm(folder, { recursive: true });
  }
});
