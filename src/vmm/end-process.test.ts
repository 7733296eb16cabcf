import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { identifyProcess } from "../lib/process-identity.ts";
import { endProcess } from "./end-process.ts";

/** A process that does nothing when it is asked to end. */
async function stubborn(t: TestContext) {
  const child = spawn("sh", ["-c", "trap '' TERM; echo ready; while :; do sleep 60; done"], {
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  const gone = once(child, "exit");
  const { pid = 0 } = child;
  t.after(() => {
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended, and what it waited for with it.
    }
  });
  await once(child.stdout, "data");
  const identity = await identifyProcess(pid);
  assert.ok(identity);
  return { identity, gone };
}

async function endedWithin(t: TestContext, graceMs: number): Promise<number> {
  const { identity, gone } = await stubborn(t);
  const began = performance.now();
  await endProcess(identity, gone, graceMs);
  assert.equal((await gone)[1], "SIGKILL");
  return performance.now() - began;
}

test("a process that ignores SIGTERM has its grace time, and no more", async (t) => {
  const took = await endedWithin(t, 300);
  assert.ok(took >= 290 && took < 2_300, `it took ${took} ms`);
});

test("without a grace time it is gone at once", async (t) => {
  const took = await endedWithin(t, 0);
  assert.ok(took < 2_000, `it took ${took} ms`);
});

test("one that was stopped ends in order", async (t) => {
  const child = spawn("sleep", ["600"], { stdio: "ignore" });
  const gone = once(child, "exit");
  t.after(() => child.kill("SIGKILL"));
  const identity = await identifyProcess(child.pid ?? 0);
  assert.ok(identity);
  child.kill("SIGSTOP");
  await endProcess(identity, gone);
  assert.equal((await gone)[1], "SIGTERM");
});
