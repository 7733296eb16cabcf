import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseEnvFile, readAssignment, readEnv } from "./env-options.ts";

test("reads NAME=VALUE, takes a bare NAME from here, and lets --env have the last word", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "banger-env-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "env");
  await writeFile(file, "# comment\n\nA=from file\r\nB=x=y # kept\nHERE\nNOWHERE\n");
  const assignments = ["A=last", "EMPTY=", "HERE"].map((word) => readAssignment(word, "--env"));
  assert.deepEqual(await readEnv(assignments, [file], { HERE: "yes" }), {
    A: "last",
    B: "x=y # kept",
    HERE: "yes",
    EMPTY: "",
  });
});

test("refuses names that no shell could read, and says where they stand", async () => {
  assert.throws(() => readAssignment("1A=x", "--env"), {
    code: "BAD_USAGE",
    what: '--env: "1A" cannot name a variable',
  });
  assert.throws(() => parseEnvFile("A=1\nnot a name=2", "vars", {}), {
    code: "BAD_USAGE",
    what: 'vars, line 2: "not a name" cannot name a variable',
  });
  await assert.rejects(readEnv([], ["/nonexistent/vars"], {}), { code: "FILE_UNREADABLE" });
});
