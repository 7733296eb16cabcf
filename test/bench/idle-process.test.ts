import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { memoryIn, ticksIn, watchIdle } from "./idle-process.ts";

test("a process's time is read behind its name, whatever that is", () => {
  const fields = "S 1 2 3 4 5 6 7 8 9 10 120 34 0 0";
  assert.equal(ticksIn(`42 (qemu) ${fields}`), 154);
  assert.equal(ticksIn(`42 (a) b (c) ${fields}`), 154);
});

test("shared pages count by their share, and what is missing is no 0", () => {
  const rollup =
    "Rss:  9 kB\nPss:                2048 kB\nPss_Dirty: 1 kB\nPrivate_Clean:      512 kB\nPrivate_Dirty:     1024 kB\n";
  assert.deepEqual(memoryIn(rollup), { pssMib: 2, privateMib: 1.5 });
  assert.throws(() => memoryIn("Pss: 2048 kB\n"), /Private_Clean/);
});

test("a process that works is told from one that sleeps", async () => {
  const script = `const a = Buffer.alloc(64 << 20, 1); process.stdout.write("x"); if (process.argv[1] === "work") for (;;) a[0]++; else setInterval(() => a, 1e6)`;
  const children = ["work", "sleep"].map((word) =>
    spawn(process.execPath, ["-e", script, word], { stdio: ["ignore", "pipe", "ignore"] }),
  );
  try {
    await Promise.all(children.map(({ stdout }) => once(stdout, "data")));
    const [working, sleeping] = await watchIdle(
      children.map(({ pid }) => pid ?? 0),
      1_000,
    );
    assert.ok((working?.cpuPercent ?? 0) > 5 * (sleeping?.cpuPercent ?? 100), JSON.stringify([working, sleeping]));
    assert.ok((sleeping?.privateMib ?? 0) > 64, `${sleeping?.privateMib} MiB`);
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
});
