import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { suite, test } from "node:test";
import { identifyProcess, isAlive, type ProcessIdentity } from "../../src/lib/process-identity.ts";
import { TestHost } from "../helpers/test-host.ts";

const STATE = ".local/state/banger";

/** Resolves once a process is gone, and fails after the time that it may take. */
async function gone(identity: ProcessIdentity, limitMs: number): Promise<void> {
  for (const until = Date.now() + limitMs; await isAlive(identity); await new Promise(setImmediate)) {
    assert.ok(Date.now() < until, `pid ${identity.pid} still lives after ${limitMs} ms`);
  }
}

async function daemonOf(host: TestHost): Promise<ProcessIdentity> {
  const identity = await identifyProcess(await host.daemonPid());
  assert.ok(identity);
  return identity;
}

suite("the daemon's socket", { timeout: 300_000 }, () => {
  test("is found whatever the session's own folder is, and survives that folder's removal", async () => {
    await using host = await TestHost.start();
    const session = join(host.folder, "session");
    await mkdir(session, { mode: 0o700 });
    await host.ok(["daemon", "start"], { env: { XDG_RUNTIME_DIR: session } });
    const pid = await host.daemonPid();
    await rm(session, { recursive: true });
    const sessions = [session, "/nonexistent", "", join(host.folder, "another")];
    for (const XDG_RUNTIME_DIR of sessions) {
      const status = JSON.parse(await host.ok(["daemon", "status", "--json"], { env: { XDG_RUNTIME_DIR } })) as object;
      assert.deepEqual({ ...status, pid }, status);
    }
  });

  test("lies elsewhere where the state's folder takes none, and is found there from every session", async () => {
    await using host = await TestHost.start();
    // As a file system without sockets would refuse it, and not for want of rights, which root has.
    await mkdir(join(host.folder, STATE, "run/.probe.sock/full"), { recursive: true, mode: 0o700 });
    await host.ok(["daemon", "start"]);
    const XDG_RUNTIME_DIR = "/nonexistent";
    // A daemon of an earlier version listens there, and writes nothing down.
    const record = join(host.folder, STATE, "daemon.json");
    const written = await readFile(record);
    await rm(record);
    assert.equal(await host.daemonPid(), (JSON.parse(written.toString()) as { pid: number }).pid);
    await host.ok(["vm", "list"]);
    await writeFile(record, written);
    const told = await host.ok(["daemon", "status", "--json"], { env: { XDG_RUNTIME_DIR } });
    const { socket } = JSON.parse(told) as { socket: string };
    assert.equal(socket, join(host.folder, "banger/bangerd.sock"));
    assert.match(await host.ok(["daemon", "stop"], { env: { XDG_RUNTIME_DIR } }), /is stopped/);
  });

  test("is listened on again by the same daemon when it, or its folder, is removed or replaced", async () => {
    await using host = await TestHost.start();
    await host.ok(["daemon", "start"]);
    const { pid } = await daemonOf(host);
    const folder = join(host.folder, STATE, "run");
    const socket = join(folder, "bangerd.sock");
    const removals = [
      () => rm(socket),
      // The daemon may be as quick, and make its socket again between the removal of what is in it and its own.
      () => rm(folder, { recursive: true, maxRetries: 5 }),
      () => rename(folder, `${folder}-away`),
      () => writeFile(`${socket}.new`, "no socket").then(() => rename(`${socket}.new`, socket)),
    ];
    for (const remove of removals) {
      await remove();
      const begun = Date.now();
      assert.equal(await host.daemonPid().catch(() => host.ok(["vm", "list"]).then(() => host.daemonPid())), pid);
      assert.ok(Date.now() - begun < 8_000, `it took ${Date.now() - begun} ms`);
    }
    await host.ok(["daemon", "stop"]);
    assert.equal(await identifyProcess(pid), undefined);
  });

  test("a daemon whose state was removed ends by itself, and there are never two", async () => {
    await using host = await TestHost.start();
    await host.ok(["daemon", "start"]);
    const daemon = await daemonOf(host);
    await rm(join(host.folder, STATE, "daemon.lock"));
    await rm(join(host.folder, STATE, "run/bangerd.sock"));
    await host.ok(["daemon", "start"]);
    assert.equal(await isAlive(daemon), false, "the next one waited for its end");

    const last = await daemonOf(host);
    await rm(join(host.folder, STATE), { recursive: true });
    await gone(last, 5_000);
  });

  test("a frozen daemon is named with the way out, soon, and can be stopped", async () => {
    await using host = await TestHost.start();
    await host.ok(["daemon", "start"]);
    const daemon = await daemonOf(host);
    process.kill(daemon.pid, "SIGSTOP");
    const commands = [
      ["vm", "list"],
      ["daemon", "status"],
      ["vm", "exec", "x", "--", "true"],
      ["daemon", "start"],
    ];
    const begun = Date.now();
    const refuses = async (words: readonly string[]): Promise<void> => {
      const { code, stderr } = await host.banger(words);
      assert.equal(code, words[1] === "exec" ? 125 : 1, stderr);
      assert.match(stderr, new RegExp(`DAEMON_UNREACHABLE.*pid ${daemon.pid}[^]*SIGSTOP[^]*banger daemon stop`));
      assert.ok(Date.now() - begun < 10_000, `${words.join(" ")} took ${Date.now() - begun} ms`);
    };
    await Promise.all(commands.map(refuses));
    await host.ok(["daemon", "stop"]);
    assert.equal(await isAlive(daemon), false);
    await host.ok(["vm", "list"]);
  });

  test("a daemon without a socket is stopped by its process; --force kills it", async () => {
    await using host = await TestHost.start();
    for (const force of [[], ["--force"]]) {
      await host.ok(["daemon", "start"]);
      const daemon = await daemonOf(host);
      process.kill(daemon.pid, "SIGSTOP");
      await rm(join(host.folder, STATE, "run"), { recursive: true });
      const status = await host.banger(["daemon", "status"]);
      assert.match(status.stderr, new RegExp(`pid ${daemon.pid}`));
      await host.ok(["daemon", "stop", ...force]);
      assert.equal(await isAlive(daemon), false);
    }
    assert.match(await host.ok(["daemon", "stop"]), /does not run/);
  });

  test("a record of a dead daemon whose pid another process has now is nobody's", async () => {
    await using host = await TestHost.start();
    await host.ok(["daemon", "start"]);
    const record = join(host.folder, STATE, "daemon.json");
    const text = await readFile(record, "utf8");
    await host.ok(["daemon", "stop"]);
    const stranger = spawn("sleep", ["100"], { stdio: "ignore" });
    try {
      assert.ok(stranger.pid);
      const self = await identifyProcess(stranger.pid);
      for (const changes of [{ pid: stranger.pid }, self, { pid: -1 }, { socket: "/etc/passwd" }]) {
        await writeFile(record, JSON.stringify({ ...(JSON.parse(text) as object), ...changes }));
        assert.match(await host.ok(["daemon", "stop", "--force"]), /does not run/);
        assert.equal(stranger.exitCode ?? stranger.signalCode, null);
      }
      for (const rubbish of ["", "{", "[]", "null", '"x"', "x".repeat(100_000)]) {
        await writeFile(record, rubbish);
        await host.ok(["vm", "list"]);
      }
    } finally {
      stranger.kill("SIGKILL");
      await once(stranger, "exit");
    }
  });

  test("a socket that a stranger's program listens on in its place is taken back", async () => {
    await using host = await TestHost.start();
    await host.ok(["daemon", "start"]);
    const { pid } = await daemonOf(host);
    const socket = join(host.folder, STATE, "run/bangerd.sock");
    await rm(socket);
    const squatter = createServer((connection) => connection.destroy());
    squatter.on("error", () => {}); // The daemon may be quicker.
    squatter.listen(socket);
    try {
      for (const until = Date.now() + 10_000; ;) {
        const { code, stdout } = await host.banger(["daemon", "status", "--json"]);
        if (code === 0) {
          assert.equal((JSON.parse(stdout.toString()) as { pid: number }).pid, pid);
          break;
        }
        assert.ok(Date.now() < until, "it was not taken back");
      }
    } finally {
      squatter.close();
    }
  });
});
