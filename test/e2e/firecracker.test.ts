import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { identifyProcess } from "../../src/lib/process-identity.ts";
import { prepareStandIn, standInAs } from "../helpers/stand-in.ts";
import { busyboxImage, debianImage } from "../helpers/test-images.ts";
import { TestHost } from "../helpers/test-host.ts";
import { genericKernel } from "../helpers/tiny-guest.ts";

interface VmRow {
  readonly id: string;
  readonly state: string;
  readonly pid: number;
  readonly vmm: string;
  readonly vmmReason: string;
  readonly machine: { readonly version: string; readonly line: { readonly kind: string } };
  readonly disks: readonly { readonly format: string }[];
}

/** Firecracker is driven all the way; what answers as Firecracker is the stand-in of test/stand-in. */
suite("a VM on Firecracker", { skip: prepareStandIn() ?? false, timeout: 900_000 }, () => {
  let host: TestHost;
  let image: Awaited<ReturnType<typeof busyboxImage>>;

  before(async () => {
    // A release that resumes its vsock: 1.16 does not, and is not paused.
    host = await TestHost.start();
    const config = join(host.folder, ".config/banger");
    await mkdir(config, { recursive: true });
    await writeFile(
      join(config, "config.toml"),
      `firecracker_bin = ${JSON.stringify(standInAs("1.15.1"))}\nnat = "slirp4netns"\n`,
    );
    image = await busyboxImage();
    await host.ok(["kernel", "import", "generic", "--vmlinux", genericKernel()]);
    await host.ok(["image", "pull", image.reference, "--name", "busybox", "--kernel-ref", "generic"]);
    await host.ok(["vm", "create", "--name", "fire", "--image", "busybox", "--memory", "256M", "--vmm", "firecracker"]);
  });

  after(async () => {
    await host[Symbol.asyncDispose]();
    await image[Symbol.asyncDispose]();
  });

  const inspect = (name = "fire"): Promise<VmRow> => host.json<VmRow>(["vm", "inspect", name]);

  test("is reached by ssh and exec over its vsock, and says what it runs on and why", async () => {
    const vm = await inspect();
    assert.equal(vm.vmm, "firecracker");
    assert.equal(vm.machine.version, "1.15.1");
    assert.match(vm.vmmReason, /Firecracker was asked for/);
    assert.equal(vm.machine.line.kind, "firecracker-vsock");
    assert.equal(vm.disks[0]?.format, "raw");
    assert.match(await host.ok(["vm", "ssh", "fire", "--", "id; hostname"]), /uid=0\(root\)[^]*fire/);
    const failing = await host.banger(["vm", "exec", "fire", "--", "sh", "-c", "exit 7"]);
    assert.equal(failing.code, 7);
    const input = Buffer.alloc(5_000_000, "banger");
    const echoed = await host.banger(["vm", "exec", "fire", "--", "cat"], { input });
    assert.ok(echoed.stdout.equals(input), "5 MB came back whole");
    assert.match(await host.ok(["vm", "logs", "fire"]), /banger: stage agent/);
  });

  test("pauses and resumes, and knows the time afterwards", async () => {
    await host.ok(["vm", "pause", "fire"]);
    assert.equal((await inspect()).state, "paused");
    await host.ok(["vm", "pause", "fire"]);
    const refused = await host.banger(["vm", "exec", "fire", "--", "true"]);
    assert.match(refused.stderr, /VM_WRONG_STATE[^]*banger vm resume fire/);
    await host.ok(["vm", "resume", "fire"]);
    assert.equal((await inspect()).state, "running");
    const seconds = Number(await host.ok(["vm", "exec", "fire", "--", "date", "+%s"]));
    assert.ok(Math.abs(seconds - Date.now() / 1000) < 60, `the guest thinks it is ${seconds}`);
  });

  test("outlives its daemon, paused too, and is taken back by its own driver", async () => {
    const { pid } = await inspect();
    await host.ok(["vm", "pause", "fire"]);
    process.kill(await host.daemonPid(), "SIGKILL");
    const taken = await inspect();
    assert.deepEqual([taken.pid, taken.state], [pid, "paused"]);
    await host.ok(["vm", "resume", "fire"]);
    assert.equal(await host.ok(["vm", "exec", "fire", "--", "echo", "here"]), "here\n");
  });

  test("its sessions go on while the daemon is killed, and are written to again", async () => {
    const script = "while read l; do echo got $l; done";
    await host.ok(["session", "create", "fire", "--name", "stays", "-i", "--", "sh", "-c", script]);
    await host.ok(["session", "send", "fire", "stays", "one", "--key", "Enter"]);
    process.kill(await host.daemonPid(), "SIGKILL");
    await host.ok(["session", "send", "fire", "stays", "two", "--key", "Enter"]);
    await host.ok(["session", "send", "fire", "stays", "--end"]);
    await host.ok(["session", "wait", "fire", "stays"]);
    assert.equal(await host.ok(["session", "logs", "fire", "stays"]), "got one\ngot two\n");
  });

  test("the crash of its VMM is told, and it starts again", async () => {
    process.kill((await inspect()).pid, "SIGKILL");
    await host.banger(["vm", "exec", "fire", "--", "sleep", "5"]);
    const failed = await host.json<VmRow & { failure: { what: string } }>(["vm", "inspect", "fire"]);
    assert.equal(failed.state, "failed");
    assert.match(failed.failure.what, /Firecracker was killed by SIGKILL|nobody saw how/);
    await host.ok(["vm", "start", "fire"]);
    await host.ok(["vm", "exec", "fire", "--", "true"]);
  });

  test("what it cannot do is refused, and auto goes around it", async () => {
    await host.ok(["kernel", "pull", "debian-cloud"]);
    const create = ["vm", "create", "--image", "busybox", "--kernel-ref", "debian-cloud", "--no-start"];
    const refused = await host.banger([...create, "--name", "pc", "--vmm", "firecracker"]);
    assert.match(refused.stderr, /VMM_CANNOT[^]*PCI/);
    assert.equal((await host.json<VmRow[]>(["vm", "list"])).length, 1, "nothing of it is left");
    const doctor = await host.json<{ checks: { name: string; summary: string }[] }>(["doctor"]);
    const kvm = doctor.checks.find(({ name }) => name === "kvm")?.summary ?? "";
    const vmm = doctor.checks.find(({ name }) => name === "vmm")?.summary ?? "";
    assert.match(vmm, /TCG/.test(kvm) ? /QEMU; Firecracker 1\.15\.1 at .* needs KVM/ : /Firecracker 1\.15\.1/);
  });

  test("has a network on a TAP device in a namespace of its own, its bandwidth bounded, and a work disk", async () => {
    await using server = await webServer("told by the host");
    const wanted = [
      "--nat",
      "--allow-host",
      "--net-bandwidth",
      "5M",
      "--memory",
      "256M",
      "--vmm",
      "firecracker",
      "--work-disk",
      "64M",
    ];
    await host.ok(["vm", "create", "--name", "net", "--image", "busybox", ...wanted]);
    const { network, pid } = await host.json<VmRow & { network: { mode: string; gateway: string; address: string } }>([
      "vm",
      "inspect",
      "net",
    ]);
    assert.equal(network.mode, "tap");
    assert.match(await host.ok(["vm", "exec", "net", "--", "ip", "addr", "show", "eth0"]), new RegExp(network.address));
    const url = `http://${network.gateway}:${server.port}/`;
    assert.equal(await host.ok(["vm", "exec", "net", "--", "wget", "-qO-", url]), "told by the host");
    assert.match(await host.ok(["vm", "exec", "net", "--", "df", "/work"]), /\/dev\/vdb/);
    await host.ok(["vm", "delete", "--force", "net"]);
    assert.equal(await identifyProcess(pid), undefined);
  });

  test("with systemd as PID 1, too; its disk is bounded", async () => {
    const debian = await debianImage("bookworm");
    await host.ok(["image", "pull", debian, "--name", "debian", "--kernel-ref", "generic"]);
    const bounds = ["--disk-bandwidth", "200M", "--memory", "512M"];
    await host.ok(["vm", "create", "--name", "full", "--image", "debian", "--vmm", "firecracker", ...bounds]);
    assert.match(await host.ok(["vm", "exec", "full", "--", "cat", "/proc/1/comm"]), /systemd/);
    assert.match(await host.ok(["vm", "ssh", "full", "--", "uname -r"]), /generic/);
    const { pid, id } = await inspect("full");
    const stopped = await host.banger(["vm", "stop", "full", "--progress", "lines"]);
    assert.equal(stopped.code, 0, stopped.stderr);
    assert.doesNotMatch(stopped.stderr, /by force/);
    assert.equal(await identifyProcess(pid), undefined);
    await host.ok(["vm", "delete", "full"]);
    assert.deepEqual(
      (await host.files()).filter((path) => path.includes(id)),
      [],
    );
  });

  test("is deleted without a trace", async () => {
    const { id, pid } = await inspect();
    await host.ok(["vm", "stop", "fire"]);
    await host.ok(["vm", "delete", "fire"]);
    assert.equal(await identifyProcess(pid), undefined);
    assert.deepEqual(
      (await host.files()).filter((path) => path.includes(id)),
      [],
    );
    await host.ok(["daemon", "stop"]);
    assert.deepEqual(await host.processes(), []);
  });
});

/** Serves one text on the host's loopback. */
async function webServer(text: string): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((_request, response) => response.end(text)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}
