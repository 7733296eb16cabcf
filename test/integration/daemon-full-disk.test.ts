import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { createClient } from "../../src/client/client.ts";
import { layoutFrom } from "../../src/model/layout.ts";
import { ROOT } from "../helpers/test-host.ts";

test("a daemon whose log lies on a full disk goes on", { timeout: 60_000 }, async () => {
  const home = await mkdtemp(join(tmpdir(), "full-log-"));
  const env = { PATH: process.env["PATH"], HOME: home, BANGER_READY_FD: "3", BANGER_LOG_LEVEL: "trace" };
  await using full = await open("/dev/full", "w");
  const daemon = spawn(process.execPath, [join(ROOT, "src/daemon/main.ts")], {
    env,
    stdio: ["ignore", full.fd, "ignore", "pipe"],
  });
  const ended = once(daemon, "exit");
  try {
    const [word] = (await once(daemon.stdio[3] as Readable, "data")) as [Buffer];
    assert.match(word.toString(), /"ready":true/);
    const client = createClient({ socketPath: layoutFrom(env).socket });
    for (let n = 0; n < 3; n += 1) {
      await assert.rejects(client.call("vmInspect", { ref: "none" }), { code: "VM_NOT_FOUND" });
      assert.equal((await client.call("daemonStatus", {})).pid, daemon.pid);
    }
    daemon.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  } finally {
    daemon.kill("SIGKILL");
    await ended;
    await rm(home, { recursive: true });
  }
});
