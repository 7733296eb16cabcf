import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { mock, test } from "node:test";
import type { AgentClient, ForwardTarget } from "../../../guest/agent-client.ts";
import { BangerError } from "../../../lib/errors.ts";
import type { Vm } from "../../../model/vm.ts";
import { awaitPublishedPorts } from "./await-services.ts";

const vm = {
  name: "web",
  spec: { publish: [80, 80, 443].map((guestPort) => ({ hostAddress: "127.0.0.1", hostPort: 8080, guestPort })) },
} as unknown as Pick<Vm, "name" | "spec">;

/** An agent in whose guest some ports take connections after so many refusals. */
function agentThat(refusals: Readonly<Record<number, number>>) {
  const left = new Map(Object.entries(refusals));
  const forward = mock.fn(async (target: ForwardTarget) => {
    const port = String("port" in target ? target.port : "");
    const more = left.get(port) ?? 0;
    left.set(port, more - 1);
    if (more > 0) throw new BangerError("BAD_REQUEST", { what: "refused", fix: "listen" });
    return new PassThrough();
  });
  return { agent: { forward } as unknown as AgentClient, forward };
}

test("waits until each published port takes connections, and asks for none twice", async () => {
  const { agent, forward } = agentThat({ 80: 2, 443: 0 });
  const told: unknown[] = [];
  await awaitPublishedPorts(agent, vm, { signal: new AbortController().signal, progress: (event) => told.push(event) });
  assert.deepEqual(told, []);
  assert.equal(forward.mock.callCount(), 4);
});

test("tells of a port that nobody listens on, and is not stopped by it", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { agent } = agentThat({ 80: 0, 443: 1e9 });
  const told: string[] = [];
  const waiting = awaitPublishedPorts(agent, vm, {
    signal: new AbortController().signal,
    progress: ({ label, note }) => void told.push(`${label}: ${note}`),
  });
  for (let i = 0; i < 10; i += 1) await new Promise((resolve) => setImmediate(resolve));
  mock.timers.tick(20_000);
  await waiting;
  mock.timers.reset();
  assert.deepEqual(told, ["nothing in web listens on port 443 yet: see `banger vm logs --service web`"]);
});

test("an agent that is lost is a failure, and so is being cancelled", async () => {
  const lost = { forward: () => Promise.reject(new BangerError("AGENT_UNREACHABLE", { what: "gone", fix: "look" })) };
  const operation = { signal: new AbortController().signal, progress: () => {} };
  await assert.rejects(awaitPublishedPorts(lost as unknown as AgentClient, vm, operation), {
    code: "AGENT_UNREACHABLE",
  });
  const { agent } = agentThat({ 80: 1e9, 443: 1e9 });
  const controller = new AbortController();
  const waiting = awaitPublishedPorts(agent, vm, { ...operation, signal: controller.signal });
  controller.abort();
  await assert.rejects(waiting, { name: "AbortError" });
});
