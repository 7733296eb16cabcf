import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "../lib/errors.ts";
import { guestText } from "./agent-errors.ts";
import { lyingAgent } from "./testing/lying-agent.ts";

const signal = new AbortController().signal;
const spec = { argv: ["true"], env: {}, cwd: "", user: "" };

for (const [said, exitCode] of [
  [0, 126],
  [-1, 126],
  [2 ** 31 - 1, 126],
  [127, 127],
] as const) {
  test(`a command that is rejected with the status ${said} did not run, and cannot look as if it had`, async () => {
    await using agent = await lyingAgent({
      async *exec() {
        yield {
          message: {
            case: "rejected" as const,
            value: { message: `\u001B[2J\u202E${"x".repeat(2 ** 21)}`, exitCode: said },
          },
        };
      },
    });
    const client = await agent.connect();
    await assert.rejects(client.exec(spec, { signal }), (error: unknown) => {
      assert.ok(error instanceof BangerError);
      assert.deepEqual([error.code, error.data["exitCode"]], ["EXEC_FAILED", exitCode]);
      assert.ok((error.why ?? "").length < 1_000);
      for (const sign of ["\u001B", "\u202E"]) assert.ok(error.why?.includes(sign) === false);
      return true;
    });
    client.close();
  });
}

test("an exit status that there is none of is no success", async () => {
  await using agent = await lyingAgent({
    async *exec() {
      yield { message: { case: "started" as const, value: { pid: 1, stdinCredit: 0 } } };
      yield { message: { case: "exit" as const, value: { code: -(2 ** 31), signal: 0 } } };
    },
  });
  const client = await agent.connect();
  const running = await client.exec(spec, { signal });
  running.stdout.resume();
  running.stderr.resume();
  assert.deepEqual(await running.exit, { code: 255 });
  client.close();
});

for (const load of [Infinity, -Infinity, NaN, -1]) {
  test(`a load of ${load} is refused`, async () => {
    await using agent = await lyingAgent({
      stats: () => ({ uptimeMs: 1n, memory: { totalBytes: 1n }, load: { one: load }, processes: 1 }),
    });
    const client = await agent.connect();
    await assert.rejects(client.stats(signal), { code: "AGENT_PROTOCOL", why: `load1 is ${load}` });
    client.close();
  });
}

test("an agent that accepts and says nothing is left when its caller has waited enough", async () => {
  const silent = new Promise<never>(() => {});
  await using agent = await lyingAgent({ stats: () => silent, shutdown: () => silent });
  const client = await agent.connect();
  const began = performance.now();
  await assert.rejects(client.stats(AbortSignal.timeout(100)), { code: "TIMED_OUT" });
  await assert.rejects(client.shutdown(AbortSignal.timeout(100)), { code: "TIMED_OUT" });
  await assert.rejects(client.exec(spec, { signal: AbortSignal.timeout(100) }));
  assert.ok(performance.now() - began < 2_000);
  client.close();
});

test("what a guest says turns no text around and ends no line", () => {
  assert.equal(guestText("a\u202Eb\u2066c\u061Cd\u2029e\u001B[1mf"), "a b c d e [1mf");
});
