import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { readServiceLog } from "./agent-service.ts";
import { authenticate, SECRET_BYTES } from "./agent-secret.ts";
import { lyingAgent } from "./testing/lying-agent.ts";

const signal = new AbortController().signal;
const identity = { hostname: "box", authorizedKeys: [], env: {}, dns: [], vsockPorts: [] };

async function sizeOf(pieces: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const piece of pieces) bytes += piece.length;
  return bytes;
}

test("a log without end ends when it is larger than any that an agent keeps", async () => {
  await using agent = await lyingAgent({
    async *readServiceLog() {
      for (;;) yield { text: new Uint8Array(3 * 2 ** 20) };
    },
  });
  const client = await agent.connect();
  await assert.rejects(sizeOf(client.readServiceLog(false, signal)), {
    code: "AGENT_PROTOCOL",
    why: /its log has more/,
  });
  client.close();
});

test("a log that comes in nothing but empty pieces, or not at all, is given up", async () => {
  const bounds = { maxBytes: 100, pieceMs: 200, allMs: 300 };
  const empty = {
    async *readServiceLog() {
      for (;;) yield await turn({ text: new Uint8Array() });
    },
  };
  const silent = {
    async *readServiceLog() {
      yield await new Promise<never>(() => {});
    },
  };
  for (const lies of [empty, silent]) {
    const began = performance.now();
    const client = lies as unknown as Parameters<typeof readServiceLog>[0];
    await assert.rejects(sizeOf(readServiceLog(client, false, signal, bounds)), { code: "TIMED_OUT" });
    assert.ok(performance.now() - began < 2_300);
  }
});

test("a host key is one key, and no longer than one", async () => {
  for (const sshHostKey of [`ssh-ed25519 ${"A".repeat(2 ** 20)}`, "ssh-ed25519 AAAA\nssh-ed25519 BBBB", ""]) {
    await using agent = await lyingAgent({ info: () => ({ sshHostKey }) });
    await assert.rejects(agent.connect(), { code: "AGENT_PROTOCOL" });
  }
});

test("of what a guest could not do, some lines are told, and no long ones", async () => {
  const warnings = Array.from({ length: 3_000 }, () => `\u001B[2J${"x".repeat(1_000)}`);
  await using agent = await lyingAgent({ configure: () => ({ warnings }) });
  const client = await agent.connect();
  const told = await client.configure(identity, signal);
  assert.equal(told.length, 16);
  assert.ok(told.every((line) => line.length < 600 && !line.includes("\u001B")));
  client.close();
});

test("a proof of any length but the right one is none", async () => {
  for (const length of [0, SECRET_BYTES - 1, SECRET_BYTES, 2 ** 20]) {
    await using agent = await lyingAgent({ authenticate: () => ({ proof: new Uint8Array(length) }) });
    const client = await agent.connect();
    const secret = { value: new Uint8Array(SECRET_BYTES), isKnown: true, noteKnown: () => assert.fail() };
    const info = { abilities: ["secret"], challenge: new Uint8Array(SECRET_BYTES), hasSecret: true };
    await assert.rejects(authenticate(client, info, secret, signal), { code: "AGENT_PROTOCOL" });
    client.close();
  }
});

test("a connection that begins with anything but that it is one is none, and one that never ends can be left", async () => {
  await using agent = await lyingAgent({
    async *forward(requests) {
      for await (const { message } of requests) {
        const target = message.case === "target" ? message.value.target : undefined;
        if (target?.case === "unix") yield { message: { case: "connected" as const, value: {} } };
        for (;;) yield { message: { case: "data" as const, value: new Uint8Array(2 ** 16) } };
      }
    },
  });
  const client = await agent.connect();
  await assert.rejects(client.forward({ kind: "ssh" }, signal), { code: "AGENT_PROTOCOL" });
  const stream = await client.forward({ kind: "unix", path: "/x" }, signal);
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > 2 ** 22) break;
  }
  // What is not taken waits in the guest, and the line serves others.
  const unread = await client.forward({ kind: "unix", path: "/y" }, signal);
  assert.equal((await client.info(signal)).bootId, "b");
  unread.destroy();
  client.close();
});
