import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test, type TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { type Frame, FrameQueue } from "./frame-queue.ts";
import { takeBytes } from "./frames.ts";

/** Both ends of a WebSocket on a unix socket, and the client's bare socket. */
async function pair(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "frames-"));
  const path = join(folder, "s");
  const http = createServer();
  const acceptor = new WebSocketServer({ server: http });
  http.listen(path);
  await once(http, "listening");
  const accepted = once(acceptor, "connection") as Promise<[WebSocket]>;
  let socket: Socket | undefined;
  const client = new WebSocket("ws://localhost/", { createConnection: () => (socket = connect(path)) });
  client.on("error", () => {});
  const [[server]] = await Promise.all([accepted, once(client, "open")]);
  t.after(async () => {
    client.terminate();
    server.terminate();
    http.close();
    await rm(folder, { recursive: true });
  });
  return { server, client, kill: () => socket?.destroy() };
}

function textOf({ data }: Frame): string {
  return (data as Buffer).toString().trim();
}

for (const bytes of [0, 100, 4 * 1024 ** 2]) {
  test(`a client that is killed with ${bytes} bytes of input on their way is noticed before anybody takes them`, async (t) => {
    const { server, client, kill } = await pair(t);
    const frames = new FrameQueue(server);
    const closed = once(server, "close");
    client.send("start");
    for (let sent = 0; sent < bytes; sent += 64 * 1024) client.send(Buffer.alloc(Math.min(bytes, 64 * 1024)));
    await frames.next(AbortSignal.timeout(5_000));
    kill();
    await Promise.race([closed, once(AbortSignal.timeout(5_000), "abort").then(() => assert.fail("not noticed"))]);
  });
}

test("frames that wait keep their order, whoever takes them", async (t) => {
  const { server, client } = await pair(t);
  const frames = new FrameQueue(server);
  for (let n = 0; n < 200; n += 1) client.send(String(n).padEnd(32 * 1024));
  const seen = [textOf(await frames.next(AbortSignal.timeout(5_000)))];
  const { promise, resolve } = Promise.withResolvers<void>();
  frames.handOver((frame) => {
    seen.push(textOf(frame));
    if (seen.length === 200) resolve();
  });
  await promise;
  assert.deepEqual(
    seen,
    Array.from({ length: 200 }, (_, n) => String(n)),
  );
});

test("a stream that is full is waited for once, however many frames find it so", async (t) => {
  const { server } = await pair(t);
  const target = new PassThrough({ highWaterMark: 1 });
  for (let n = 0; n < 100; n += 1) takeBytes(Buffer.from("x"), server, target);
  assert.ok(target.listenerCount("close") < 5, `${target.listenerCount("close")} listeners`);
  assert.equal(server.isPaused, true);
  target.resume();
  await once(target, "drain");
  assert.equal(server.isPaused, false);
  const before = target.listenerCount("drain");
  takeBytes(Buffer.alloc(8), server, target);
  await once(target, "drain");
  assert.equal(target.listenerCount("drain"), before);
});
