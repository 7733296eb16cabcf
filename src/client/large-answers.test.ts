import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { createClient } from "./client.ts";
import { fakeDaemon, sendJson } from "./testing/fake-daemon.ts";

const TEN_MIB = 10 * 1024 ** 2;
const bytes = randomBytes(TEN_MIB);
const long = "x".repeat(TEN_MIB);
const vms = Array.from({ length: 2_000 }, (_, n) => ({ id: `vm-${n}`, name: `box-${n}`, note: "y".repeat(2_000) }));

test("a call brings an answer of 10 MiB, and one of 2,000 VMs", async () => {
  await using daemon = await fakeDaemon({
    answer: ({ name }, response) => sendJson(response, 200, name === "vmList" ? vms : { long }),
  });
  const client = createClient(daemon);
  assert.deepEqual(await client.call("vmList", {}), vms);
  assert.deepEqual(await client.call("vmInspect", { ref: "a" }), { long });
});

test("an error of 10 MiB comes through", async () => {
  await using daemon = await fakeDaemon({
    answer: (_request, response) => sendJson(response, 404, { error: { code: "VM_NOT_FOUND", what: long, fix: "f" } }),
  });
  await assert.rejects(createClient(daemon).call("vmInspect", { ref: "a" }), { code: "VM_NOT_FOUND", what: long });
});

test("an operation of 10 MiB of progress brings its result, of 3 MiB", async () => {
  const progress = `${JSON.stringify({ progress: { id: "a", label: "z".repeat(1000), status: "running" } })}\n`;
  const result = "r".repeat(3 * 1024 ** 2);
  await using daemon = await fakeDaemon({
    answer(_request, response) {
      for (let sent = 0; sent < TEN_MIB; sent += progress.length) response.write(progress);
      response.end(`${JSON.stringify({ result: { result } })}\n`);
    },
  });
  let heard = 0;
  const told = await createClient(daemon).operate("vmStart", { ref: "a" }, { progress: () => (heard += 1) });
  assert.deepEqual(told, { result });
  assert.equal(heard, Math.ceil(TEN_MIB / progress.length));
});

test("a text of 10 MiB comes whole", async () => {
  await using daemon = await fakeDaemon({ answer: (_request, response) => void response.end(bytes) });
  const got = await buffer(createClient(daemon).text("vmLogs", { ref: "a" }));
  assert.ok(got.equals(bytes));
});

test("a socket carries 10 MiB", async () => {
  await using daemon = await fakeDaemon({
    socket(webSocket) {
      for (let at = 0; at < TEN_MIB; at += 64 * 1024) webSocket.send(bytes.subarray(at, at + 64 * 1024));
      webSocket.send(JSON.stringify({ type: "end" }));
    },
  });
  const stream = await createClient(daemon).socket("vmConsole", { ref: "a" });
  stream.end();
  assert.ok((await buffer(stream)).equals(bytes));
});
