import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { busyboxImage, debianImage } from "../helpers/test-images.ts";
import { TestHost } from "../helpers/test-host.ts";
import { genericKernel } from "../helpers/tiny-guest.ts";
import { withFiles } from "../helpers/image-with-files.ts";

/** Says what it is asked, and how it ended; each word is a line of its log. */
const WORK = `trap 'echo bye; exit 5' USR1; trap '' TERM; echo up; while :; do sleep 0.1; done`;

interface Seen {
  readonly state: string;
  readonly service: {
    readonly state: string;
    readonly pid?: number;
    readonly exitCode?: number;
    readonly restarts: number;
    readonly error?: string;
  };
}

suite("a VM that keeps a command running", { timeout: 600_000 }, () => {
  let host: TestHost;
  const resources = new AsyncDisposableStack();

  before(async () => {
    host = resources.use(await TestHost.start());
    const busybox = resources.use(await busyboxImage());
    const stop = ["--config.stopsignal", "SIGUSR1"];
    const asked = resources.use(await withFiles(busybox.reference, { "etc/asked": "USR1\n" }, stop));
    const debian = resources.use(await withFiles(await debianImage("bookworm"), { "etc/asked": "USR1\n" }, stop));
    await host.ok(["kernel", "import", "generic-6.12", "--vmlinux", genericKernel()]);
    const pull = async (reference: string, name: string): Promise<unknown> =>
      host.ok(["image", "pull", reference, "--name", name, "--kernel-ref", "generic-6.12"]);
    await pull(busybox.reference, "busybox");
    await pull(`oci:${asked.layout}:${asked.tag}`, "asked");
    await pull(`oci:${debian.layout}:${debian.tag}`, "debian");
  });
  after(() => resources.disposeAsync());

  /** The VM as it is once it is like this. */
  async function until(vm: string, like: (seen: Seen) => boolean): Promise<Seen> {
    const limit = AbortSignal.timeout(60_000);
    for (;;) {
      const seen = await host.json<Seen>(["vm", "inspect", vm]);
      if (seen.service !== undefined && like(seen)) return seen;
      assert.ok(!limit.aborted, `it did not come to that: ${JSON.stringify(seen.service)}`);
    }
  }

  /** Reads the log until it says this, as `vm logs --service --follow` brings it. */
  async function untilSaid(vm: string, word: string): Promise<void> {
    const limit = AbortSignal.timeout(60_000);
    for (;;) {
      if ((await host.ok(["vm", "logs", "--service", vm])).includes(word)) return;
      assert.ok(!limit.aborted, `it never said ${word}`);
    }
  }

  for (const image of ["asked", "debian"]) {
    test(`${image}: it is stopped in the way that its image asks for, and started again with its VM`, async () => {
      const vm = `svc-${image}`;
      await host.ok(["vm", "create", "--name", vm, "--image", image, "--service", "--", "sh", "-c", WORK]);
      await until(vm, ({ service }) => service.state === "running");
      await untilSaid(vm, "up");
      const unit = await host.banger(["vm", "exec", vm, "--", "systemctl", "is-active", "banger-service"]);
      if (image === "debian") assert.equal(unit.stdout.toString().trim(), "active");

      await host.ok(["vm", "stop", vm]);
      const stopped = await host.json<Seen>(["vm", "inspect", vm]);
      assert.equal(stopped.state, "stopped");
      assert.equal(stopped.service.state, "stopped");
      await host.ok(["vm", "start", vm]);
      await until(vm, ({ service }) => service.state === "running");
      assert.match(await host.ok(["vm", "logs", "--service", vm]), /up\n[^]*bye\n/);
      await host.ok(["vm", "delete", "--force", vm]);
    });
  }

  test("run --detach prints the VM's name; a failure is seen, and mended by another run", async () => {
    const script = "test -e /tmp/again && exec sleep 1000; touch /tmp/again; exit 3";
    const run = ["run", "--detach", "--name", "again", "busybox", "--", "sh", "-c", script];
    assert.equal(await host.ok(run), "again\n");
    const seen = await until("again", ({ service }) => service.state === "running" && service.restarts === 1);
    assert.equal(seen.service.exitCode, 3);

    // A daemon that dies takes nothing along, and the next one sees what happens then.
    process.kill(await host.daemonPid(), "SIGKILL");
    const pid = (await until("again", ({ service }) => service.state === "running")).service.pid;
    await host.ok(["vm", "exec", "again", "--", "kill", "-9", String(pid)]);
    await until("again", ({ service }) => service.restarts === 2 && service.pid !== pid);
    await host.ok(["vm", "delete", "--force", "again"]);
  });

  test("the image's own command ends well and is not run again", async () => {
    await host.ok(["vm", "create", "--name", "once", "--image", "busybox", "--service"]);
    const { service } = await until("once", (seen) => seen.service.state === "exited");
    assert.equal(service.exitCode, 0);
    assert.equal(service.restarts, 0);
    assert.equal(await host.ok(["vm", "logs", "--service", "once"]), "hello from busybox\n");
    const follow = await host.banger(["vm", "logs", "--service", "--follow", "once"], { timeoutMs: 3_000 });
    assert.equal(follow.stdout.toString(), "hello from busybox\n");
    await host.ok(["vm", "delete", "--force", "once"]);
  });

  test("what cannot be run is told with its reason", async () => {
    await host.ok(["vm", "create", "--name", "none", "--image", "busybox", "--service", "--", "/no/such"]);
    const { service } = await until("none", (seen) => seen.service.state === "failed");
    assert.equal(service.exitCode, 127);
    assert.match(service.error ?? "", /\/no\/such/);
    await host.ok(["vm", "delete", "--force", "none"]);
  });

  test("a service's log is asked of a VM that has none, and words are given to no service", async () => {
    await host.ok(["vm", "create", "--name", "idle", "--image", "busybox"]);
    const log = await host.banger(["vm", "logs", "--service", "idle"]);
    assert.notEqual(log.code, 0);
    assert.match(log.stderr, /keeps no command running/);
    const words = await host.banger(["vm", "create", "--image", "busybox", "--", "sh"]);
    assert.equal(words.code, 2);
    const policy = await host.banger(["vm", "create", "--image", "busybox", "--service", "--restart", "never"]);
    assert.equal(policy.code, 2);
  });
});
