import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { genericKernel } from "../helpers/tiny-guest.ts";
import { busyboxImage } from "../helpers/test-images.ts";
import { ROOT, TestHost } from "../helpers/test-host.ts";

interface Seen {
  readonly name: string;
  readonly state: string;
  readonly pid: number;
  readonly unresponsive?: { readonly who: string; readonly fix: string };
}

/** One VM whose VMM is stopped by a signal at each verb; another beside it, that nothing of this may touch. */
suite("a VM that stands still", { timeout: 600_000 }, () => {
  const resources = new AsyncDisposableStack();
  let host: TestHost;

  before(async () => {
    host = resources.use(await TestHost.start());
    const busybox = resources.use(await busyboxImage());
    await host.ok(["kernel", "import", "generic-6.12", "--vmlinux", genericKernel()]);
    await host.ok(["image", "pull", busybox.reference, "--name", "busybox", "--kernel-ref", "generic-6.12"]);
    for (const name of ["box", "other"]) await host.ok(["vm", "create", "--name", name, "--image", "busybox"]);
  });

  after(() => resources.disposeAsync());

  const seen = (name: string): Promise<Seen> => host.json<Seen>(["vm", "inspect", name]);

  async function signalVmm(name: string, signal: NodeJS.Signals): Promise<void> {
    process.kill((await seen(name)).pid, signal);
  }

  /** Runs a command that must have ended after so many seconds, and 2 more. */
  async function within(seconds: number, args: readonly string[]) {
    const began = performance.now();
    const result = await host.banger(args);
    const took = (performance.now() - began) / 1000;
    assert.ok(took < seconds + 2, `banger ${args.join(" ")} took ${took.toFixed(1)} s: ${result.stderr}`);
    return result;
  }

  test("no command outlives its own limit, and others go on", async () => {
    await signalVmm("box", "SIGSTOP");
    const asked = await Promise.all([
      within(30, ["vm", "exec", "box", "--", "true"]),
      within(30, ["vm", "stats", "box"]),
      within(30, ["vm", "proxy", "box", "--target", "tcp:127.0.0.1:1"]),
    ]);
    // Not beside them: whoever comes while it is under way hears of that.
    asked.push(await within(15, ["vm", "pause", "box"]));
    assert.deepEqual(
      asked.map(({ code }) => code),
      [125, 7, 7, 7],
    );
    for (const { stderr } of asked) {
      assert.match(stderr, /error\[VM_UNRESPONSIVE\][^]*banger vm stop --force box/);
    }
    assert.equal((await within(5, ["vm", "exec", "other", "--", "true"])).code, 0);
    assert.match(await host.ok(["vm", "list"]), /box +\w+, VMM silent/);
    assert.equal((await seen("box")).unresponsive?.who, "vmm");
    assert.equal((await seen("other")).unresponsive, undefined);
  });

  test("a daemon starts beside it, and takes it back when it goes on", async () => {
    process.kill(await host.daemonPid(), "SIGKILL");
    assert.equal((await within(10, ["vm", "list"])).code, 0);
    assert.equal((await within(5, ["vm", "exec", "other", "--", "true"])).code, 0);
    const told = await within(10, ["vm", "exec", "box", "--", "true"]);
    assert.match(told.stderr, /error\[VM_UNRESPONSIVE\]/);
    await signalVmm("box", "SIGCONT");
    while ((await seen("box")).unresponsive !== undefined) await pause(200);
    // The pause that it was asked for is done by then, or was never taken.
    if ((await seen("box")).state === "paused") await host.ok(["vm", "resume", "box"]);
    assert.equal((await within(30, ["vm", "exec", "box", "--", "true"])).code, 0);
  });

  test("a stop keeps to its time while an exec waits", async () => {
    await signalVmm("box", "SIGSTOP");
    const exec = host.banger(["vm", "exec", "box", "--", "true"]);
    assert.equal((await within(3, ["vm", "stop", "--timeout", "3", "box"])).code, 0);
    assert.notEqual((await exec).code, 0);
    assert.equal((await seen("box")).state, "stopped");
    await host.ok(["vm", "start", "box"]);
  });

  test("force passes by a stop that waits", async () => {
    await signalVmm("box", "SIGSTOP");
    const polite = host.banger(["vm", "stop", "--timeout", "60", "box"]);
    while ((await seen("box")).state !== "stopping") await pause(50);
    assert.equal((await within(2, ["vm", "delete", "--force", "box"])).code, 0);
    assert.match((await polite).stderr, /VM box is being ended by force/);
    const names = (await host.json<Seen[]>(["vm", "list"])).map(({ name }) => name);
    assert.deepEqual(names, ["other"]);
  });

  test("what banger run made goes when it is killed", async () => {
    const run = spawn(join(ROOT, "build/bin/banger"), ["run", "--name", "once", "busybox", "--", "sleep", "1000"], {
      env: host.env,
      stdio: "ignore",
    });
    const names = async () => (await host.json<Seen[]>(["vm", "list"])).map(({ name, state }) => `${name} ${state}`);
    while (!(await names()).includes("once running")) await pause(200);
    await pause(1_000);
    run.kill("SIGKILL");
    while ((await names()).some((line) => line.startsWith("once"))) await pause(200);
    assert.deepEqual(await names(), ["other running"]);
  });
});
