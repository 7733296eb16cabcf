import assert from "node:assert/strict";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { isAlive, identifyProcess } from "../../src/lib/process-identity.ts";
import { getFrom, LabGuest } from "../helpers/lab-guest.ts";
import { LAB, NetworkLab, runIn, whyNoLab } from "../helpers/network-lab.ts";
import { ROOT, TestHost } from "../helpers/test-host.ts";
import { busyboxImage } from "../helpers/test-images.ts";
import { genericKernel } from "../helpers/tiny-guest.ts";

/** A user of this machine with no name, no rights and no ranges of ids. */
const UID = 54_321;
const AS_USER = ["setpriv", `--reuid=${UID}`, `--regid=${UID}`, "--clear-groups", "--"];

/** Why the tests cannot be run as another user here; undefined where they can. */
async function whyNotAsUser(): Promise<string | undefined> {
  const noLab = await whyNoLab();
  if (noLab !== undefined) return noLab;
  const readable = await runIn(AS_USER, "test", ["-r", join(ROOT, "build", "bin", "banger")]).catch(() => undefined);
  return readable === undefined ? `other users cannot read ${ROOT}` : undefined;
}

const skip = (await whyNotAsUser()) ?? false;

suite("networks of VMs, made by a user without root", { skip, timeout: 900_000 }, () => {
  let lab: NetworkLab;
  let host: TestHost;
  let bare: string;
  let guest: LabGuest;

  before(async () => {
    lab = await NetworkLab.make();
    await lab.addUser(UID);
    await lab.serve(lab.outside, "outside");
    await lab.serve(lab.outside, "resolver", "203.0.113.53", 9002);
    await lab.serve(lab.onHost, "host");
    await lab.serve(lab.onHost, "loopback", "127.0.0.1", 9001);
    host = await TestHost.startAs(UID, [...lab.onHost, ...AS_USER]);
    await using image = await busyboxImage();
    await runIn([], "chmod", ["-R", "a+rX", dirname(image.folder)]);
    const vmlinux = join(host.folder, "vmlinux");
    await copyFile(genericKernel(), vmlinux);
    await host.ok(["kernel", "import", "generic", "--vmlinux", vmlinux]);
    await host.ok(["image", "pull", image.reference, "--name", "busybox", "--kernel-ref", "generic"]);
    bare = await lab.state();
    guest = await LabGuest.create(host, "one", "--publish", "18080:80", "--publish", "0.0.0.0:18081:80");
  });

  after(async () => {
    await host[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  test("a VM reaches a server outside, with the host's address, and the host's network stays as it is", async () => {
    const { network, pid } = await guest.inspect();
    assert.equal(network.via, "slirp4netns", network.why);
    assert.match(network.why, /not by nftables: bangerd does not run as root/);
    assert.equal(await guest.get(LAB.outside), `outside ${LAB.host}`);
    const uid = await runIn([], "stat", ["--format=%u", `/proc/${pid}`]);
    assert.equal(uid.trim(), String(UID), "its VMM is the user's");
    assert.equal(await lab.state(), bare);
  });

  test("it reaches neither the host's services nor cloud metadata, nor more of its resolver than names", async () => {
    const { network } = await guest.inspect();
    for (const address of [LAB.metadata, LAB.azure, LAB.alibaba]) assert.equal(await guest.get(address), "", address);
    for (const address of [LAB.host, network.gateway]) assert.equal(await guest.get(address), "", address);
    assert.equal(await guest.get(network.gateway, 9001), "");
    // libslirp leads every port of its own name server's address to the host's resolver.
    assert.equal(await getFrom(lab.onHost, "203.0.113.53", 9002), `resolver ${LAB.host}`);
    assert.equal(await guest.get("10.0.2.3", 9002), "");
  });

  test("published ports reach it: from the host by each of its addresses, from outside where asked", async () => {
    assert.equal(await getFrom(lab.onHost, "127.0.0.1", 18_080), "guest one");
    assert.equal(await getFrom(lab.onHost, LAB.host, 18_081), "guest one");
    assert.equal(await getFrom(lab.outside, LAB.host, 18_081), "guest one");
    assert.equal(await getFrom(lab.outside, LAB.host, 18_080), "");
  });

  test("what cannot be had is refused with what it would take", async () => {
    const refused = async (...options: readonly string[]): Promise<string> => {
      const said = await host.banger(["vm", "create", "--name", "no", "--image", "busybox", "--nat", ...options]);
      assert.notEqual(said.code, 0);
      return said.stderr;
    };
    assert.match(await refused("--publish", "18080"), /PORT_TAKEN[^]*VM one has it/);
    assert.match(await refused("--publish", "80"), /PORT_TAKEN[^]*below 1024 are root's[^]*sysctl/);
    assert.match(await refused("--allow-vms"), /NETWORK_UNAVAILABLE[^]*does not run as root/);
  });

  test("it outlives the daemon; when its VMM is gone the next daemon ends what held it", async () => {
    const { pid, network } = await guest.inspect();
    const kept = await Promise.all((network.processes ?? []).map((process) => identifyProcess(process.pid)));
    assert.equal(
      kept.filter((keeper) => keeper !== undefined).length,
      4,
      "a holder, slirp4netns, and two that follow the host's addresses",
    );
    process.kill(await host.daemonPid(), "SIGKILL");
    assert.equal(await getFrom(lab.onHost, "127.0.0.1", 18_080), "guest one");
    const monitor = kept[2];
    assert.ok(monitor);
    process.kill(monitor.pid, "SIGKILL");
    assert.equal(
      await guest.get(LAB.outside),
      `outside ${LAB.host}`,
      "taken back, and what follows addresses is mended",
    );
    const mended = (await guest.inspect()).network.processes ?? [];
    const keepers = await Promise.all(mended.map((process) => identifyProcess(process.pid)));
    assert.equal(keepers.filter((keeper) => keeper !== undefined).length, 4);
    assert.notEqual(keepers[2]?.pid, monitor.pid);
    process.kill(await host.daemonPid(), "SIGKILL");
    process.kill(pid, "SIGKILL");
    await host.ok(["vm", "list"]);
    for (const keeper of keepers) assert.equal(keeper !== undefined && (await isAlive(keeper)), false);
    await host.ok(["vm", "start", "one"]);
    assert.equal(await guest.get(LAB.outside), `outside ${LAB.host}`);
  });

  test("a stop and a delete each leave no process of it", async () => {
    await host.ok(["vm", "stop", "one"]);
    assert.deepEqual(await host.processes(), [await host.daemonPid()]);
    await host.ok(["vm", "delete", "one"]);
    const asked = await LabGuest.create(host, "two", "--allow-host");
    const { network } = await asked.inspect();
    assert.equal(await asked.get(network.gateway, 9001), "loopback 127.0.0.1", "the gateway is the host's loopback");
    assert.equal(await asked.get(LAB.host), `host ${LAB.host}`);
    assert.equal(await asked.get(LAB.metadata), `outside ${LAB.host}`);
    await host.ok(["vm", "delete", "--force", "two"]);
    assert.deepEqual(await host.processes(), [await host.daemonPid()]);
    assert.equal(await lab.state(), bare);
  });

  test("where QEMU translates, ports are published, and it is said that there is no wall", async () => {
    await host.ok(["daemon", "stop"]);
    const config = join(host.folder, ".config", "banger", "config.toml");
    await mkdir(dirname(config), { recursive: true });
    await writeFile(config, 'nat = "user"\n');
    const create = ["vm", "create", "--name", "three", "--image", "busybox", "--memory", "128M", "--nat"];
    const { code, stderr } = await host.banger([...create, "--publish", "18080:80"]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Mind its network:.* no wall between this VM and its host/);
    await host.ok([
      "vm",
      "exec",
      "three",
      "--",
      "sh",
      "-c",
      "mkdir /www; echo three >/www/index.html; busybox httpd -h /www",
    ]);
    assert.equal(await getFrom(lab.onHost, "127.0.0.1", 18_080), "three");
    await host.ok(["vm", "delete", "--force", "three"]);
  });
});
