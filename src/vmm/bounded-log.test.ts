import assert from "node:assert/strict";
import { watch } from "node:fs";
import { appendFile, mkdtemp, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { keepBounded, trimLog } from "./bounded-log.ts";

async function inFolder(work: (log: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "log-"));
  try {
    await work(join(folder, "console.log"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("cuts a long log to its end, and leaves a short one alone", () =>
  inFolder(async (log) => {
    await writeFile(log, "0123456789");
    await trimLog(log, 10);
    assert.equal(await readFile(log, "utf8"), "0123456789");
    await trimLog(log, 8);
    assert.equal(await readFile(log, "utf8"), "6789");
  }));

test("a writer that appends goes on behind what was kept", () =>
  inFolder(async (log) => {
    const writer = await open(log, "a");
    await writer.write("x".repeat(100));
    await trimLog(log, 10);
    await writer.write("new");
    await writer.close();
    assert.equal(await readFile(log, "utf8"), "xxxxxnew");
  }));

test("watches until told to stop, and then no more", { timeout: 10_000 }, () =>
  inFolder(async (log) => {
    await writeFile(log, "");
    const life = new AbortController();
    const keeping = keepBounded(log, 1000, life.signal);
    const watcher = watch(log);
    await appendFile(log, "y".repeat(5000));
    while ((await stat(log)).size > 1000) await once(watcher, "change");
    watcher.close();
    life.abort();
    await keeping;
    await appendFile(log, "z".repeat(5000));
    assert.equal((await stat(log)).size, 5500);
  }),
);

test("a flood of writes is passed over in silence", { timeout: 10_000 }, () =>
  inFolder(async (log) => {
    await writeFile(log, "");
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on("warning", note);
    const life = new AbortController();
    const keeping = keepBounded(log, 1000, life.signal);
    for (let line = 0; line < 300; line += 1) await appendFile(log, "flood\n");
    life.abort();
    await keeping;
    process.off("warning", note);
    assert.deepEqual(warnings, []);
  }),
);

test("a log that is not there is nobody's trouble", () =>
  inFolder(async (log) => {
    await keepBounded(log, 10, new AbortController().signal);
  }));
