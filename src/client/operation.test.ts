import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createClient } from "./client.ts";
import { fakeDaemon } from "./testing/fake-daemon.ts";

test("an abort cancels the operation, and waits for the daemon to put things back", async () => {
  const order: string[] = [];
  await using daemon = await fakeDaemon({
    async answer({ message }, response) {
      response.write('{"progress":{"id":"a","label":"a","status":"running"}}\n');
      await once(message.socket, "end");
      order.push("cancelled");
      response.end('{"error":{"code":"CANCELLED","what":"put back","fix":"again"}}\n');
    },
  });
  const controller = new AbortController();
  const operation = createClient(daemon).operate(
    "vmStart",
    { ref: "demo" },
    { signal: controller.signal, progress: () => controller.abort() },
  );
  await assert.rejects(operation, { code: "CANCELLED", what: "put back" });
  assert.deepEqual(order, ["cancelled"]);
});

test("a daemon that only drops a cancelled operation is understood too", async () => {
  await using daemon = await fakeDaemon({
    async answer({ message }, response) {
      response.write('{"progress":{"id":"a","label":"a","status":"running"}}\n');
      await once(message.socket, "end");
      message.socket.destroy();
    },
  });
  const controller = new AbortController();
  const operation = createClient(daemon).operate(
    "vmStart",
    { ref: "demo" },
    { signal: controller.signal, progress: () => controller.abort() },
  );
  await assert.rejects(operation, { code: "CANCELLED" });
});

test("who is not waited for to the end is said to go on, and not to have left nothing behind", async () => {
  await using daemon = await fakeDaemon({
    async answer({ message }, response) {
      response.write('{"progress":{"id":"a","label":"a","status":"running"}}\n');
      await once(message.socket, "close");
    },
  });
  const controller = new AbortController();
  const operation = createClient(daemon).operate(
    "vmStart",
    { ref: "demo" },
    { signal: controller.signal, progress: () => controller.abort(), cleanUpMs: 50 },
  );
  await assert.rejects(operation, { code: "CANCELLED", what: /still puts back/ });
});
