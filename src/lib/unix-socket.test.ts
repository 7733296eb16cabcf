import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connectUnix, listenUnix } from "./unix-socket.ts";

test("a socket is listened on and connected to, however long its path is, and goes with its server", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "banger-unix-"));
  t.after(() => rm(home, { recursive: true }));
  // sun_path holds 107 bytes: paths at this bound, and one that is below it in characters alone.
  const bounds = [106, 107, 108, 109].map((bytes) => join(home, "b".repeat(bytes - home.length - "//s.sock".length)));
  for (const folder of [home, ...bounds, join(home, "é".repeat(45)), join(home, "d".repeat(200), "e".repeat(200))]) {
    await mkdir(folder, { recursive: true });
    const path = join(folder, "s.sock");
    const descriptors = await readdir("/proc/self/fd");
    const server = createServer((socket) => socket.end("hello"));
    const name = await listenUnix(server, path);
    const socket = connectUnix(path);
    const [said] = await once(socket.setEncoding("utf8"), "data");
    assert.equal(said, "hello");
    await Promise.all([once(socket, "close"), once(server.close(), "close")]);
    name[Symbol.dispose]();
    assert.deepEqual(await readdir(folder).then((names) => names.filter((name) => name === "s.sock")), []);
    assert.equal((await readdir("/proc/self/fd")).length, descriptors.length);
    await assert.rejects(once(connectUnix(path), "connect"), { code: "ENOENT" });
  }
});

test("a folder that is not there is told as a socket's own error", async () => {
  await assert.rejects(once(connectUnix(`/nowhere/${"d".repeat(200)}/s.sock`), "connect"), { code: "ENOENT" });
  await assert.rejects(listenUnix(createServer(), "/nowhere/s.sock"), { syscall: "listen" });
});
