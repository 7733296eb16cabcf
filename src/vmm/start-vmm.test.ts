import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { untilAborted } from "../lib/deadline.ts";
import { isAlive, type ProcessIdentity } from "../lib/process-identity.ts";
import { startVmm, type FailedStart, type StartSteps, type VmmStart } from "./start-vmm.ts";

/** A program in a VMM's place, and what became of its start. */
async function scene(t: TestContext, parts: Partial<VmmStart>, take: StartSteps<string>["take"]) {
  const runDir = await mkdtemp(join(tmpdir(), "banger-start-"));
  t.after(() => rm(runDir, { recursive: true }));
  const start: VmmStart = {
    title: "Sleeper",
    program: "sleep",
    argv: ["600"],
    runDir,
    log: join(runDir, "log"),
    ...parts,
  };
  const seen: { started?: ProcessIdentity; cleared: number; failed?: FailedStart } = { cleared: 0 };
  const steps: StartSteps<string> = {
    take: (child, identity, within) => {
      seen.started = identity;
      return take(child, identity, within);
    },
    async clear() {
      assert.ok(seen.started === undefined || !(await isAlive(seen.started)), "it is gone before anything is cleared");
      seen.cleared += 1;
    },
    async explain(failed) {
      seen.failed = failed;
      return new Error("explained");
    },
  };
  return { seen, run: (signal = AbortSignal.timeout(10_000)) => startVmm(start, steps, signal) };
}

const neverReady: StartSteps<string>["take"] = (_child, _identity, within) =>
  untilAborted(new Promise<string>(() => {}), within);

test("what is started is in hand once it was taken, and leads a session of its own", async (t) => {
  const { seen, run } = await scene(t, {}, async (child, identity) => {
    const stat = await readFile(`/proc/${child.pid}/stat`, "latin1");
    assert.equal(stat.split(") ")[1]?.split(" ")[3], String(child.pid));
    assert.equal(identity.pid, child.pid);
    t.after(() => child.kill());
    return "in hand";
  });
  assert.equal(await run(), "in hand");
  assert.ok(seen.started && (await isAlive(seen.started)));
  assert.equal(seen.cleared, 0);
});

test("one that ends before it is ready is told with its end and its words", async (t) => {
  const argv = ["-c", "echo no such disk >&2; exit 3"];
  const { seen, run } = await scene(t, { program: "sh", argv }, neverReady);
  await assert.rejects(run(), /^Error: explained$/);
  const { exitCode, said, cause } = seen.failed ?? {};
  assert.deepEqual([exitCode, said, seen.cleared], [3, "no such disk", 1]);
  assert.equal((cause as { code?: string }).code, "VMM_FAILED");
  assert.match(String(cause), /Sleeper ended as soon as it ran/);
});

test("one that cannot be taken in hand is ended, and one that is given up is, too", async (t) => {
  const refusing = await scene(t, {}, () => Promise.reject(new Error("refused")));
  await assert.rejects(refusing.run(), /^Error: explained$/);
  assert.deepEqual([refusing.seen.failed?.signal, refusing.seen.cleared], ["SIGKILL", 1]);
  assert.match(String(refusing.seen.failed?.cause), /refused/);

  const given = await scene(t, {}, neverReady);
  const giveUp = new AbortController();
  const running = given.run(giveUp.signal);
  setTimeout(() => giveUp.abort(new Error("given up")), 50);
  await assert.rejects(running, /^Error: given up$/);
  assert.deepEqual([given.seen.failed, given.seen.cleared], [undefined, 1]);
});

test("what enters its namespaces, or confines it, is blamed for its own failure", async (t) => {
  const entering = await scene(t, { enter: ["nsenter", "--target=999999999", "--net", "--"] }, neverReady);
  await assert.rejects(entering.run(), { code: "NETWORK_FAILED", why: /^nsenter: / });
  const absent = await scene(t, { program: "banger-no-such-vmm" }, neverReady);
  await assert.rejects(absent.run(), { code: "TOOL_MISSING", what: /banger-no-such-vmm/ });
  assert.deepEqual([entering.seen.failed, absent.seen.failed], [undefined, undefined]);
});
