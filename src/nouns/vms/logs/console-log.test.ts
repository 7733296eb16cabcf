import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ProgressEvent } from "../../../lib/progress.ts";
import { bootClock, watchConsole } from "./boot-watch.ts";
import { followFile } from "../../../lib/follow-file.ts";
import { consoleTail, linesOf } from "./console-log.ts";

async function inFolder(work: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bh-console-"));
  try {
    await work(join(folder, "console.log"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("the tail has the last lines, without what drives terminals", () =>
  inFolder(async (path) => {
    assert.equal(await consoleTail(path), "");
    await writeFile(path, `${"x\n".repeat(100)}\x1b[31mred\x1b[0m\x07\r\n\n\x1b]0;title\x07last\n`);
    const tail = await consoleTail(path, 2);
    assert.equal(tail, "red\n0;titlelast");
  }));

test("the tail of a huge log is bounded", () =>
  inFolder(async (path) => {
    await writeFile(path, "y".repeat(1_000_000));
    assert.ok((await consoleTail(path)).length <= 65_536);
  }));

test("a file is followed from before it exists, past a cut, until the abort", () =>
  inFolder(async (path) => {
    const stop = new AbortController();
    const lines: string[] = [];
    const wanted = ["one", "two", "three"];
    const following = (async () => {
      for await (const line of linesOf(followFile(path, stop.signal))) {
        lines.push(line);
        if (line === "one") await appendFile(path, "two\n");
        if (line === "two") {
          await truncate(path, 0);
          await appendFile(path, "three\n");
        }
        if (lines.length === wanted.length) stop.abort();
      }
    })();
    await writeFile(path, "one\n");
    await following;
    assert.deepEqual(lines, wanted);
  }));

test("over-long lines are cut", async () => {
  async function* chunks() {
    yield Buffer.from("a".repeat(10_000));
    yield Buffer.from(`${"b".repeat(10_000)}\nend\n`);
  }
  const lines: string[] = [];
  for await (const line of linesOf(chunks())) lines.push(line);
  assert.ok(lines[0] !== undefined && lines[0].length <= 4096);
  assert.equal(lines[1], "end");
});

test("the console's signs move the clock through the stages", () =>
  inFolder(async (path) => {
    const events: ProgressEvent[] = [];
    const clock = bootClock("demo", (event) => events.push(event));
    clock.enter("vmm");
    clock.enter("kernel");
    const stop = new AbortController();
    const watching = watchConsole(path, clock, stop.signal);
    await writeFile(path, "[    0.000000] Linux version 6.1\nbanger: stage init\nnoise\nbanger: stage agent\n");
    while (clock.stage !== "agent") await new Promise(setImmediate);
    stop.abort();
    await watching;
    clock.enter("kernel"); // Never back.
    clock.finish();
    assert.deepEqual(Object.keys(clock.stages), ["disk", "vmm", "kernel", "init", "agent"]);
    assert.equal(events.at(-1)?.status, "done");
  }));
