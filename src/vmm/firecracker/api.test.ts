import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { firecrackerApi } from "./api.ts";

const pause = { method: "PATCH", path: "/vm", body: { state: "Paused" } } as const;
const limit = (): AbortSignal => AbortSignal.timeout(30_000);

/** An API socket that says to each request what it is told, byte by byte. */
async function answering(answer: (asked: string, socket: Socket) => void) {
  const folder = await mkdtemp(join(tmpdir(), "fc-api-"));
  const path = join(folder, "s");
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (chunk) => answer(chunk.toString(), socket));
  }).listen(path);
  await once(server, "listening");
  return {
    api: firecrackerApi(path),
    async [Symbol.asyncDispose]() {
      server.close();
      await rm(folder, { recursive: true });
    },
  };
}

const http = (status: string, body: string): string =>
  `HTTP/1.1 ${status}\r\nServer: Firecracker API\r\nConnection: keep-alive\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

test("a request is one message with its length, and 204 is its success", async () => {
  let heard = "";
  await using fake = await answering((asked, socket) => {
    heard = asked;
    socket.end("HTTP/1.1 204 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n\r\n");
  });
  await fake.api.send(pause, limit());
  assert.match(heard, /^PATCH \/vm HTTP\/1\.1\r\n/);
  assert.match(heard, /content-length: 18\r\n/i);
  assert.ok(heard.endsWith('{"state":"Paused"}'));
  assert.doesNotMatch(heard, /transfer-encoding/i);
});

test("what it refuses is told in its own words, whatever they are", async () => {
  const said = (status: string, body: string, why: RegExp) => async () => {
    await using fake = await answering((_asked, socket) => socket.end(http(status, body)));
    await assert.rejects(fake.api.send(pause, limit()), { code: "VMM_FAILED", why });
  };
  await said("400 Bad Request", '{"fault_message":"no such state"}', /^no such state$/)();
  await said("400 Bad Request", '{"error":"too large"}', /^too large$/)();
  await said("413 Payload Too Large", "{}", /status 413/)();
  await said("500 Oops", "<html>", /status 500/)();
});

test("an end without an answer, an answer without an end, and nonsense are failures, not hangs", async () => {
  const failing = async (answer: (socket: Socket) => void): Promise<void> => {
    await using fake = await answering((_asked, socket) => answer(socket));
    await assert.rejects(fake.api.instance(limit()), { code: "VMM_FAILED" });
  };
  await failing((socket) => socket.destroy());
  await failing((socket) => socket.end("this is no HTTP\r\n\r\n"));
  await failing((socket) => socket.end(http("200 OK", "x".repeat(300_000))));
  const gone = firecrackerApi("/nonexistent/socket");
  await assert.rejects(gone.send(pause, limit()), { code: "VMM_FAILED", why: /ENOENT/ });
});

test("one request is asked at a time; one that is given up does not hold up the next", async () => {
  let open = 0;
  let most = 0;
  const waiting: Socket[] = [];
  await using fake = await answering((asked, socket) => {
    open += 1;
    most = Math.max(most, open);
    socket.on("close", () => (open -= 1));
    if (asked.startsWith("GET / ")) waiting.push(socket);
    else socket.end("HTTP/1.1 204 \r\n\r\n");
  });
  const giveUp = new AbortController();
  const first = fake.api.instance(giveUp.signal);
  const others = [fake.api.send(pause, limit()), fake.api.send(pause, limit())];
  const arrived = Promise.withResolvers<void>();
  const look = setInterval(() => waiting.length > 0 && arrived.resolve(), 1);
  await arrived.promise;
  clearInterval(look);
  giveUp.abort();
  await assert.rejects(first);
  await Promise.all(others);
  assert.equal(most, 1);
  for (const socket of waiting) socket.destroy();
});
