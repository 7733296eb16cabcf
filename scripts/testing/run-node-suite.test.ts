import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import type { Counts } from "./counts.ts";
import { runNodeSuite } from "./run-node-suite.ts";
import type { NodeSuite } from "./suites.ts";

/** Runs a suite of these files for real; how long they took is another matter. */
async function countsOf(...suite: Parameters<typeof runFiles>): Promise<Omit<Counts, "files">> {
  const { files: _times, ...counts } = await runFiles(...suite);
  return counts;
}

async function runFiles(
  files: Readonly<Record<string, string>>,
  builds: readonly string[] = [],
  more: Pick<NodeSuite, "alone" | "compileCache"> = {},
): Promise<Counts> {
  const root = await mkdtemp(join(tmpdir(), "banger-suite-"));
  try {
    for (const [name, body] of Object.entries(files)) await writeFile(join(root, name), body, { mode: 0o755 });
    return await runNodeSuite(
      { name: "made-up", about: "", files: ["*.test.mjs"], concurrency: 2, timeoutMs: 2_000, builds, ...more },
      root,
      "ignore",
    );
  } finally {
    await rm(root, { recursive: true });
  }
}

test("counts tests and subtests, not suites", async () => {
  const counts = await countsOf({
    "a.test.mjs": `import { describe, test } from "node:test";
      describe("group", () => { test("one", () => {}); test("two", (t) => t.test("inner", () => {})); });`,
  });
  assert.deepEqual(counts, { passed: 3, failed: [], skipped: [] });
});

test("counts what fails, beside what passes", async () => {
  const counts = await countsOf({
    "good.test.mjs": `import { test } from "node:test"; test("good", () => {});`,
    "bad.test.mjs": `import { test } from "node:test"; test("bad", () => { throw new Error("made to fail"); });`,
  });
  assert.equal(counts.passed, 1);
  const [only, ...more] = counts.failed;
  assert.match(only?.name ?? "", /bad\.test\.mjs: bad$/);
  assert.equal(only?.reason, "made to fail");
  assert.deepEqual(more, []);
});

test("a file that does not load, and one that hangs, have failed", async () => {
  const counts = await countsOf({
    "broken.test.mjs": "this is no program",
    "hangs.test.mjs": `import { test } from "node:test"; test("hangs", () => new Promise((r) => setTimeout(r, 1e6)));`,
  });
  assert.equal(counts.failed.length >= 2, true);
  assert.equal(counts.passed, 0);
});

test("keeps the reason of what is skipped", async () => {
  const counts = await countsOf({
    "a.test.mjs": `import { test } from "node:test"; test("told", { skip: "no KVM" }, () => {}); test.skip("silent");`,
  });
  assert.deepEqual(counts.skipped, [
    { name: "told", reason: "no KVM" },
    { name: "silent", reason: "" },
  ]);
});

test("what is built first is there for the tests, and its time is not theirs", async () => {
  const files = {
    "build.sh": "#!/bin/sh\nsleep 3\necho built >built",
    "fails.sh": "#!/bin/sh\nexit 1",
    "a.test.mjs": `import { readFileSync } from "node:fs"; import { test } from "node:test";
      test("there", () => { readFileSync("built"); });`,
  };
  assert.deepEqual(await countsOf(files, ["build.sh", "fails.sh"]), { passed: 1, failed: [], skipped: [] });
  assert.equal((await countsOf(files)).failed.length, 1);
});

test("says how long each file took", async () => {
  const { files = [] } = await runFiles({
    "slow.test.mjs": `import { test } from "node:test"; test("a", () => new Promise((r) => setTimeout(r, 600)));`,
    "quick.test.mjs": `import { test } from "node:test"; test("b", () => {});`,
  });
  const times = new Map(files.map(({ file, seconds }) => [basename(file), seconds]));
  assert.deepEqual([...times.keys()].toSorted(), ["quick.test.mjs", "slow.test.mjs"]);
  assert.ok((times.get("slow.test.mjs") ?? 0) >= 0.6);
});

test("modules are kept compiled for the suite that asks for it, and for no other", async () => {
  const files = {
    "a.test.mjs": `import { getCompileCacheDir } from "node:module"; import { test } from "node:test";
      test("kept", () => { if (!getCompileCacheDir()?.includes("build/compile-cache")) throw new Error("not kept"); });`,
  };
  assert.equal((await countsOf(files, [], { compileCache: true })).passed, 1);
  assert.equal((await countsOf(files)).failed.length, 1);
});

test("a suite without files has failed", async () => {
  assert.equal((await countsOf({})).failed.length, 1);
});

test("runs files that are to be alone after the others, one at a time, and counts them too", async () => {
  // Each says when it began and ended; the two that may run together need one another to pass.
  const meets = (
    own: string,
    other: string,
  ) => `import { test } from "node:test"; import { existsSync, writeFileSync } from "node:fs";
    test("${own}", async () => {
      writeFileSync(new URL("${own}", import.meta.url), "");
      while (!existsSync(new URL("${other}", import.meta.url))) await new Promise((r) => setTimeout(r, 20));
    });`;
  const isAlone = (
    own: string,
  ) => `import { test } from "node:test"; import { existsSync, writeFileSync, rmSync } from "node:fs"; import assert from "node:assert";
    test("${own}", async () => {
      const busy = new URL("busy", import.meta.url);
      assert.ok(!existsSync(busy) && existsSync(new URL("a", import.meta.url)));
      writeFileSync(busy, "");
      await new Promise((r) => setTimeout(r, 300));
      rmSync(busy);
    });`;
  const files = {
    "0.test.mjs": isAlone("0"),
    "1.test.mjs": isAlone("1"),
    "a.test.mjs": meets("a", "b"),
    "b.test.mjs": meets("b", "a"),
  };
  const reasons = { "0.test.mjs": "it measures", "1.test.mjs": "it measures" };
  assert.deepEqual(await countsOf(files, [], { alone: reasons }), { passed: 4, failed: [], skipped: [] });
  // Among the others they would fail.
  assert.notEqual((await countsOf(files)).failed.length, 0);
});

test("a file that is to be alone and is not there is a failure", async () => {
  const { failed } = await countsOf({ "a.test.mjs": `import { test } from "node:test"; test("a", () => {});` }, [], {
    alone: { "gone.test.mjs": "it measures" },
  });
  assert.match(failed[0]?.reason ?? "", /no test files match gone\.test\.mjs/);
});
