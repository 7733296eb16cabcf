import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import type { AgentClient } from "../../../guest/agent-client.ts";
import type { Machine } from "../../../vmm/driver.ts";
import { liveVm } from "./live-vms.ts";

const never = new AbortController().signal;
const machine = {} as Machine;

/** A line on which attempts end as the test says, and that counts the clients that are open. */
function line() {
  const attempts: { readonly signal: AbortSignal; connect(): void }[] = [];
  const clients: { closed: boolean }[] = [];
  const still: boolean[] = [];
  const connect = async (_machine: Machine, signal: AbortSignal): Promise<AgentClient> => {
    const { promise, resolve, reject } = Promise.withResolvers<AgentClient>();
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    const client = {
      closed: false,
      close() {
        client.closed = true;
      },
      keepStill: (isStill: boolean) => void still.push(isStill),
    };
    attempts.push({
      signal,
      connect() {
        clients.push(client);
        resolve(client as unknown as AgentClient);
      },
    });
    return promise;
  };
  return { connect, attempts, still, open: () => clients.filter(({ closed }) => !closed).length };
}

test("a client that is killed while five wait for the agent leaves the others one connection", async () => {
  const { connect, attempts, open } = line();
  const live = liveVm(machine, connect);
  const killed = new AbortController();
  const fifth = live.agent(killed.signal);
  const four = [1, 2, 3, 4].map(() => live.agent(never));
  await turn();
  killed.abort();
  await assert.rejects(fifth, { code: "CANCELLED" });
  await turn();
  for (const attempt of attempts) attempt.connect();
  await Promise.all(four);
  assert.deepEqual([attempts.length, open()], [1, 1]);
  await live.close();
  assert.equal(open(), 0);
});

test("who waits for an agent that never answers goes when it likes, and at the machine's end", async () => {
  const { connect } = line();
  const live = liveVm(machine, connect);
  const giveUp = new AbortController();
  const one = live.agent(giveUp.signal);
  const other = live.agent(never);
  await turn();
  giveUp.abort();
  await assert.rejects(one, { code: "CANCELLED" });
  await live.close();
  await assert.rejects(other, { code: "AGENT_UNREACHABLE" });
  await assert.rejects(live.agent(never), { code: "AGENT_UNREACHABLE" });
});

test("a connection that is made while the machine is kept still knows of it", async () => {
  const { connect, attempts, still } = line();
  const live = liveVm(machine, connect);
  live.keepStill(true);
  const asked = live.agent(never);
  await turn();
  attempts[0]?.connect();
  await asked;
  assert.deepEqual(still, [true]);
});
