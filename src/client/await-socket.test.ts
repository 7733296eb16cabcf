import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { type Server, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { awaitSocket } from "./await-socket.ts";

async function socketPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "banger-await-"));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, "run", "bangerd.sock");
}

function listening(path: string, t: TestContext): Server {
  const server = createServer((socket) => socket.end()).listen(path);
  t.after(() => server.close());
  return server;
}

test("resolves when the socket appears, and at once when it is there", async (t) => {
  const path = await socketPath(t);
  const waiting = awaitSocket(path, AbortSignal.timeout(10_000));
  // The folder is made by whoever comes first.
  setTimeout(() => listening(path, t), 50);
  await waiting;
  await awaitSocket(path, AbortSignal.timeout(10_000));
});

test("what a dead daemon left is not taken for one that lives, and gives way to one", async (t) => {
  const path = await socketPath(t);
  await mkdir(dirname(path));
  const dead = `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  assert.equal(spawnSync(process.execPath, ["-e", dead, path]).signal, "SIGKILL");
  await assert.rejects(awaitSocket(path, AbortSignal.timeout(1_200)), { name: "TimeoutError" });
  const waiting = awaitSocket(path, AbortSignal.timeout(10_000));
  await rm(path);
  listening(path, t);
  await waiting;
});

test("gives up when told to", async (t) => {
  await assert.rejects(awaitSocket(await socketPath(t), AbortSignal.timeout(50)), { name: "TimeoutError" });
});
