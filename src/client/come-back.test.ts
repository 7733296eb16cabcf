import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { awaitSocket } from "./await-socket.ts";
import { createClient, type Client } from "./client.ts";
import { fakeDaemon, sendJson, type FakeHandlers } from "./testing/fake-daemon.ts";

const GONE = { error: { code: "OPERATION_NOT_FOUND", what: "there is no operation", why: "w", fix: "f" } };

/** A client that waits for its daemon where that was. */
function patient({ socketPath }: { readonly socketPath: string }, awayMs = 30_000): Client {
  const awaitDaemon = async (signal: AbortSignal): Promise<undefined> => {
    await awaitSocket(socketPath, signal);
    return undefined;
  };
  return createClient({ socketPath, awayMs, awaitDaemon });
}

/** Tells the events of its turn, one answer a turn, and then breaks the connection; of the last turn it goes on. */
function breakingOff(turns: readonly (readonly number[])[]) {
  const asked: unknown[] = [];
  const answer: FakeHandlers["answer"] = ({ message, fields }, response) => {
    const turn = turns[asked.length] ?? [];
    asked.push(message.headers["last-event-id"] ?? `from ${fields["after"] ?? "now"}`);
    response.write("id: 7\n\n");
    for (const seq of turn) response.write(`id: ${seq}\ndata: ${JSON.stringify({ seq })}\n\n`);
    if (asked.length < turns.length) response.write("", () => message.socket.destroy());
  };
  return { asked, handlers: { answer } };
}

test("a stream goes on where it broke off, and where it began when nothing had come yet", async () => {
  const { asked, handlers } = breakingOff([[], [8, 9], [], [10]]);
  await using daemon = await fakeDaemon(handlers);
  const seen: number[] = [];
  for await (const { seq } of await patient(daemon).follow("events", { noun: "vm" })) {
    seen.push(seq);
    if (seq === 10) break;
  }
  assert.deepEqual(seen, [8, 9, 10]);
  // The last word of the third answer was where it began.
  assert.deepEqual(asked, ["from now", "7", "9", "7"]);
});

test("who waits for a daemon that stays away is told as before, after a limit", async () => {
  const daemon = await fakeDaemon(breakingOff([[8], []]).handlers);
  const client = patient(daemon, 300);
  const events = (await client.follow("events", {}))[Symbol.asyncIterator]();
  assert.equal((await events.next()).done, false);
  const waiting = events.next();
  await daemon[Symbol.asyncDispose]();
  const began = performance.now();
  await assert.rejects(waiting, { code: "DAEMON_UNREACHABLE", what: "the connection to bangerd broke" });
  assert.ok(performance.now() - began < 10_000);
});

test("what a daemon says is no loss, and an abort ends the waiting", async () => {
  let answers = 0;
  await using daemon = await fakeDaemon({
    answer({ message }, response) {
      answers += 1;
      if (answers > 1) return sendJson(response, 410, { error: { code: "EVENTS_GONE", what: "w", fix: "f" } });
      response.write("id: 7\n\n", () => message.socket.destroy());
    },
  });
  const events = await patient(daemon).follow("events", {});
  await assert.rejects(events[Symbol.asyncIterator]().next(), { code: "EVENTS_GONE" });
  assert.equal(answers, 2);
  const controller = new AbortController();
  await using other = await fakeDaemon({
    answer: ({ message }, response) => void response.write("id: 7\n\n", () => message.socket.destroy()),
  });
  const endless = await patient(other).follow("events", {}, { signal: controller.signal });
  const next = endless[Symbol.asyncIterator]().next();
  await after(250);
  controller.abort();
  await assert.rejects(next, { code: "CANCELLED" });
});

test("an operation that is followed is followed on, or has ended with its daemon", async () => {
  for (const [second, outcome] of [
    ['{"result":{"name":"bear"}}\n', { name: "bear" }],
    [undefined, { code: "OPERATION_NOT_FOUND", what: "the operation has ended with the daemon that ran it" }],
  ] as const) {
    let answers = 0;
    await using daemon = await fakeDaemon({
      answer({ message }, response) {
        answers += 1;
        if (answers === 1)
          return void response.write('{"progress":{"id":"a","label":"a","status":"running"}}\n', () =>
            message.socket.destroy(),
          );
        if (second === undefined) sendJson(response, 404, GONE);
        else response.end(second);
      },
    });
    const following = patient(daemon).operate("operationFollow", { id: "op-1" });
    if (second === undefined) await assert.rejects(following, outcome);
    else assert.deepEqual(await following, outcome);
    assert.equal(answers, 2);
  }
});

test("an operation that is not known from the beginning is not said to have ended, and a verb is not asked twice", async () => {
  let answers = 0;
  await using daemon = await fakeDaemon({
    answer({ name, message }, response) {
      answers += 1;
      if (name === "operationFollow") return sendJson(response, 404, GONE);
      response.write('{"progress":{"id":"a","label":"a","status":"running"}}\n', () => message.socket.destroy());
    },
  });
  const client = patient(daemon);
  await assert.rejects(client.operate("operationFollow", { id: "op-1" }), { what: "there is no operation" });
  await assert.rejects(client.operate("vmStart", { ref: "demo" }), { code: "DAEMON_UNREACHABLE" });
  assert.equal(answers, 2);
});

test("a client that is not told how to wait fails as before", async () => {
  await using daemon = await fakeDaemon(breakingOff([[8], []]).handlers);
  const seen: number[] = [];
  const reading = (async () => {
    for await (const { seq } of await createClient(daemon).follow("events", {})) seen.push(seq);
  })();
  await assert.rejects(reading, { code: "DAEMON_UNREACHABLE" });
  assert.deepEqual(seen, [8]);
});
