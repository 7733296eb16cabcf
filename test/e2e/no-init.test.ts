import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { busyboxImage } from "../helpers/test-images.ts";
import { identifyProcess } from "../../src/lib/process-identity.ts";
import { clockError } from "../helpers/guest-clock.ts";
import { TestHost } from "../helpers/test-host.ts";

/** An image with no init at all: the agent is PID 1, and everything still works. */
suite("a VM of a busybox image", { timeout: 600_000 }, () => {
  let host: TestHost;
  let image: Awaited<ReturnType<typeof busyboxImage>>;

  before(async () => {
    host = await TestHost.start();
    image = await busyboxImage();
    await host.ok(["kernel", "pull", "debian-cloud"]);
    await host.ok(["image", "pull", image.reference, "--name", "busybox"]);
    await host.ok(["vm", "create", "--name", "bare", "--image", "busybox", "--memory", "256M"]);
  });

  after(async () => {
    await host[Symbol.asyncDispose]();
    await image[Symbol.asyncDispose]();
  });

  test("ssh works with no sshd, no package and no network", async () => {
    const out = await host.ok(["vm", "ssh", "bare", "--", "id; uname -r; hostname"]);
    assert.match(out, /uid=0\(root\)/);
    assert.match(out, /-cloud-amd64/);
    assert.match(out, /^bare$/m);
  });

  test("the agent is PID 1, and the VM has no network device", async () => {
    assert.match(await host.ok(["vm", "exec", "bare", "--", "cat", "/proc/1/comm"]), /banger/);
    const devices = await host.ok(["vm", "exec", "bare", "--", "ls", "/sys/class/net"]);
    assert.equal(devices.trim(), "lo");
  });

  test("the kernel's modules are there, and load as they are asked for, though the image has no modprobe", async () => {
    const inGuest = (command: string): Promise<string> => host.ok(["vm", "exec", "bare", "--", "sh", "-c", command]);
    assert.match(await inGuest("cat /proc/mounts"), /^\/dev\/vdb \/lib\/modules\/\S+-cloud-amd64 ext4 ro,/m);
    assert.match(await inGuest("ls /lib/modules/$(uname -r)"), /^modules\.dep\.bin$/m);
    // By the file system's name, by that of a kind of link, and by a device's node.
    await inGuest(
      "mkdir -p /tmp/a /tmp/b /tmp/c /tmp/d && mount -t overlay -o lowerdir=/tmp/a,upperdir=/tmp/b,workdir=/tmp/c o /tmp/d",
    );
    await inGuest("echo kept >/tmp/d/file && cat /tmp/b/file");
    await inGuest("ip link add d0 type dummy && ip link show d0");
    assert.match(await inGuest("cat /proc/modules"), /^overlay .*\n[^]*^dummy |^dummy .*\n[^]*^overlay /m);
    const unknown = await host.banger(["vm", "exec", "bare", "--", "mount", "-t", "nosuchfs", "x", "/tmp/d"]);
    assert.match(unknown.stderr, /unknown filesystem|No such device/);
  });

  test("exit codes come through", async () => {
    assert.equal((await host.banger(["vm", "exec", "bare", "--", "sh", "-c", "exit 7"])).code, 7);
    assert.equal((await host.banger(["vm", "ssh", "bare", "--", "exit 9"])).code, 9);
    const missing = await host.banger(["vm", "exec", "bare", "--", "/no/such/program"]);
    assert.equal(missing.code, 127);
    assert.match(missing.stderr, /\/no\/such\/program/);
  });

  test("stdout and stderr stay apart", async () => {
    const result = await host.banger(["vm", "exec", "bare", "--", "sh", "-c", "echo out; echo err >&2"]);
    assert.equal(result.stdout.toString("utf8"), "out\n");
    assert.match(result.stderr, /err/);
  });

  test("100 MB of binary input and output are unharmed", async () => {
    const input = randomBytes(100_000_000);
    const digest = createHash("sha256").update(input).digest("hex");
    const summed = await host.banger(["vm", "exec", "bare", "--", "sha256sum"], { input });
    assert.equal(summed.stdout.toString("utf8").slice(0, 64), digest);
    const echoed = await host.banger(["vm", "exec", "bare", "--", "cat"], { input });
    assert.equal(echoed.stdout.length, input.length);
    assert.equal(createHash("sha256").update(echoed.stdout).digest("hex"), digest);
  });

  test("a signal reaches the command", async () => {
    const trap = "trap 'echo caught; exit 42' TERM; echo ready; while :; do sleep 0.1; done";
    let pid = 0;
    const running = host.banger(["vm", "exec", "bare", "--", "sh", "-c", trap], {
      onStart: (started) => (pid = started),
    });
    // The command tells when its trap is set; only the result shows it here, so a second exec looks for it.
    await host.ok([
      "vm",
      "exec",
      "bare",
      "--",
      "sh",
      "-c",
      "until ps | grep -q '[t]rap'; do sleep 0.1; done; sleep 0.5",
    ]);
    process.kill(pid, "SIGTERM");
    const result = await running;
    assert.match(result.stdout.toString("utf8"), /ready\ncaught/);
    assert.equal(result.code, 42);
  });

  test("a terminal has the size of the user's", async () => {
    const command = "stty rows 33 cols 77; exec banger vm exec -t bare -- stty size";
    const result = await host.run("script", ["-qec", command, "/dev/null"], {
      env: { PATH: `${process.cwd()}/build/bin:${host.env["PATH"] ?? ""}` },
    });
    assert.match(result.stdout.toString("utf8"), /33 77/);
    assert.equal(result.code, 0);
  });

  test("commands run as the user asked for, with its groups", async () => {
    const out = await host.ok([
      "vm",
      "exec",
      "-u",
      "user",
      "-w",
      "/tmp",
      "-e",
      "X=1",
      "bare",
      "--",
      "sh",
      "-c",
      "id; pwd; echo $X $HOME",
    ]);
    assert.match(out, /uid=1000\(user\) gid=1000\(user\) groups=1000\(user\),2000\(extra\)/);
    assert.match(out, /^\/tmp$/m);
    assert.match(out, /^1 \/tmp$/m);
    const unknown = await host.banger(["vm", "exec", "-u", "nobody-here", "bare", "--", "id"]);
    assert.notEqual(unknown.code, 0);
    assert.match(unknown.stderr, /nobody-here/);
  });

  test("inspect shows what scripts need", async () => {
    const vm = await host.json<Record<string, unknown>>(["vm", "inspect", "bare"]);
    for (const field of ["id", "name", "state", "image", "vmm", "accel", "pid", "disks", "network", "timings"]) {
      assert.ok(field in vm, `${field} is missing`);
    }
    assert.equal(vm["state"], "running");
    const found = await host.json<Record<string, unknown>>(["image", "inspect", "busybox"]);
    for (const field of ["id", "name", "digest", "size", "rootfs", "kernel", "config"])
      assert.ok(field in found, field);
  });

  test("two VMs of one image do not see each other's writes", async () => {
    const variables = join(host.folder, "box.env");
    await writeFile(variables, "WHOSE=other's own\n");
    const create = ["vm", "create", "--name", "other", "--image", "busybox", "--memory", "256M"];
    await host.ok([...create, "--env-file", variables]);
    assert.equal(await host.ok(["vm", "exec", "other", "--", "sh", "-c", "echo $WHOSE"]), "other's own\n");
    await host.ok(["vm", "exec", "bare", "--", "sh", "-c", "echo one > /who; sync"]);
    await host.ok(["vm", "exec", "other", "--", "sh", "-c", "test ! -e /who && echo two > /who; sync"]);
    assert.equal(await host.ok(["vm", "exec", "bare", "--", "cat", "/who"]), "one\n");
    assert.equal(await host.ok(["vm", "exec", "other", "--", "cat", "/who"]), "two\n");
    await host.ok(["vm", "delete", "--force", "other"]);
  });

  test("a pause stops it where it is, and a stop of one that is paused goes through its agent", async () => {
    await host.ok(["vm", "exec", "bare", "--", "sh", "-c", "(sleep 1000 & echo $! >/sleeper) </dev/null >/dev/null"]);
    await host.ok(["vm", "pause", "bare"]);
    const refused = await host.banger(["vm", "exec", "bare", "--", "true"]);
    assert.match(refused.stderr, /VM_WRONG_STATE[^]*banger vm resume bare/);
    await host.ok(["vm", "resume", "bare"]);
    await host.ok(["vm", "exec", "bare", "--", "sh", "-c", "kill -0 $(cat /sleeper)"]);
    await host.ok(["vm", "pause", "bare"]);
    const stopped = await host.banger(["vm", "stop", "bare", "--progress", "lines"]);
    assert.match(stopped.stderr, /the guest shut down/);
    await host.ok(["vm", "start", "bare"]);
  });

  test("its clock is set right when it is far off, and kept right when its pace is wrong", async () => {
    const inGuest = (...words: string[]): Promise<string> => host.ok(["vm", "exec", "bare", "--", ...words]);
    await inGuest("date", "-s", "@1000000000");
    await untilWithin(100, () => clockError(host, "bare"));
    // Two in a hundred too fast, and the agent has not been told.
    await inGuest("busybox", "adjtimex", "-q", "-t", "10200");
    // It gains some 200 ms until that is noticed, and is learned in some looks more.
    for (let good = 0, left = 60; good < 12; left -= 1) {
      good = (await clockError(host, "bare")) < 100 ? good + 1 : 0;
      assert.ok(left > 0, `its clock was off by ${await clockError(host, "bare")} ms in the end`);
      await setTimeout(1_000);
    }
  });

  test("writes outlive a stop and a start", async () => {
    await host.ok(["vm", "exec", "bare", "--", "sh", "-c", "echo kept > /kept"]);
    await host.ok(["vm", "stop", "bare"]);
    const refused = await host.banger(["vm", "exec", "bare", "--", "true"]);
    assert.match(refused.stderr, /VM_WRONG_STATE[\s\S]*banger vm start bare/);
    await host.ok(["vm", "start", "bare"]);
    assert.equal(await host.ok(["vm", "exec", "bare", "--", "cat", "/kept"]), "kept\n");
  });

  interface Rebooted {
    readonly state: string;
    readonly bootId: string;
    readonly reboots?: { readonly count: number };
    readonly lastStop?: { readonly cause: string; readonly what: string };
  }
  const inspect = (): Promise<Rebooted> => host.json<Rebooted>(["vm", "inspect", "bare"]);
  const until = async (what: string, holds: (vm: Rebooted) => boolean): Promise<Rebooted> => {
    for (let left = 120; ; left -= 1) {
      const vm = await inspect();
      if (holds(vm)) return vm;
      assert.ok(left > 0, `${what}: ${JSON.stringify(vm)}`);
      await setTimeout(500);
    }
  };

  test("a reboot inside starts it again, with its disks and another boot", async () => {
    const before = await inspect();
    await host.banger(["vm", "exec", "bare", "--", "sh", "-c", "echo kept > /rebooted; sync; busybox reboot"]);
    const after = await until(
      "it did not come up",
      ({ state, reboots }) => state === "running" && reboots?.count === 1,
    );
    assert.notEqual(after.bootId, before.bootId);
    assert.equal(after.lastStop?.cause, "guest-reboot");
    assert.equal(await host.ok(["vm", "exec", "bare", "--", "cat", "/rebooted"]), "kept\n");
    assert.match(await host.ok(["vm", "list"]), /running, rebooted/);
  });

  test("a poweroff inside stops it, and so does a halt that stops its processors only", async () => {
    await host.banger(["vm", "exec", "bare", "--", "busybox", "poweroff"]);
    const off = await until("it did not stop", ({ state }) => state === "stopped");
    assert.deepEqual([off.lastStop?.cause, off.lastStop?.what], ["guest-shutdown", "the guest shut down"]);
    await host.ok(["vm", "start", "bare"]);
    assert.equal((await inspect()).reboots, undefined);
    await host.banger(["vm", "exec", "bare", "--", "sh", "-c", "sync; busybox halt -f"]);
    const halted = await until("it did not stop", ({ state }) => state === "stopped");
    assert.equal(halted.lastStop?.what, "the guest halted");
    await host.ok(["vm", "start", "bare"]);
  });

  test("the image is untouched by all this", async () => {
    const found = await host.json<{ rootfs: { path: string } }>(["image", "inspect", "busybox"]);
    const judged = await host.run("e2fsck", ["-fn", found.rootfs.path]);
    assert.equal(judged.code, 0, judged.stdout.toString("utf8"));
    const looked = await host.run("debugfs", ["-R", "stat /kept", found.rootfs.path]);
    assert.match(looked.stderr, /File not found/, "a VM wrote into its image");
  });

  test("a larger disk is grown in the guest", async () => {
    await host.ok(["vm", "create", "--name", "large", "--image", "busybox", "--memory", "256M", "--disk-size", "100G"]);
    const out = await host.ok(["vm", "exec", "large", "--", "df", "-m", "/"]);
    const megabytes = Number(/(\d{4,})/.exec(out)?.[1]);
    assert.ok(megabytes > 90_000, out);
    await host.ok(["vm", "delete", "--force", "large"]);
  });

  test("run makes a VM, runs the image's own command, and leaves nothing", async () => {
    const out = await host.ok(["run", "busybox", "--memory", "256M"]);
    assert.equal(out.trim(), "hello from busybox");
    const failing = await host.banger(["run", "busybox", "--memory", "256M", "--", "sh", "-c", "exit 3"]);
    assert.equal(failing.code, 3);
    const names = (await host.json<{ name: string }[]>(["vm", "list"])).map((vm) => vm.name);
    assert.deepEqual(names, ["bare"]);
  });

  test("delete leaves no process, socket or file", async () => {
    const vm = await host.json<{ id: string; pid: number }>(["vm", "inspect", "bare"]);
    const early = await host.banger(["vm", "delete", "bare"]);
    assert.match(early.stderr, /VM_WRONG_STATE[\s\S]*banger vm stop bare/);
    await host.ok(["vm", "stop", "bare"]);
    await host.ok(["vm", "delete", "bare"]);
    const left = (await host.files()).filter((path) => path.includes(vm.id));
    assert.deepEqual(left, []);
    assert.equal(await identifyProcess(vm.pid), undefined, "its VMM still runs");
    assert.deepEqual(await host.json(["vm", "list"]), []);
  });
});

async function untilWithin(limitMs: number, measure: () => Promise<number>): Promise<void> {
  for (let left = 60; (await measure()) > limitMs; left -= 1) {
    assert.ok(left > 0, `off by ${await measure()} ms in the end`);
    await setTimeout(500);
  }
}
