import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findExecutable } from "../../src/lib/find-executable.ts";
import { closeNamespace, openNamespace } from "../../src/net/namespace/namespace.ts";

/** A port of the host that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await once(server.close(), "close");
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

test("a network is joined and a port published from a run folder of any length", async (t) => {
  if ((await findExecutable("slirp4netns", process.env["PATH"])) === undefined) {
    t.skip("slirp4netns is not installed");
    return;
  }
  const home = await mkdtemp(join(tmpdir(), "banger-ns-"));
  t.after(() => rm(home, { recursive: true }));
  const runDir = join(home, "d".repeat(200));
  await mkdir(runDir);
  const publish = [{ hostAddress: "127.0.0.1", hostPort: await freePort(), guestPort: 80 }];
  const who = { instance: "0123456789ab", vmId: "vm-0123456789abcdef", rootless: true };
  const { processes } = await openNamespace(
    { ...who, runDir, publish, allowHost: false, hostAddresses: [] },
    AbortSignal.timeout(30_000),
  );
  await closeNamespace(processes);
  assert.equal(processes.length, 4, "its holder, slirp4netns, and the two that follow the host's addresses");
});
