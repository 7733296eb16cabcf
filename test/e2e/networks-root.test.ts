import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { getFrom, LabGuest } from "../helpers/lab-guest.ts";
import { LAB, NetworkLab, whyNoLab } from "../helpers/network-lab.ts";
import { TestHost } from "../helpers/test-host.ts";
import { busyboxImage } from "../helpers/test-images.ts";
import { genericKernel } from "../helpers/tiny-guest.ts";

const WALLED = [LAB.metadata, LAB.azure, LAB.alibaba] as const;
const skip = (await whyNoLab()) ?? false;

suite("networks of VMs, made by root on the host itself", { skip, timeout: 900_000 }, () => {
  let lab: NetworkLab;
  let host: TestHost;
  let bare: string;
  let one: LabGuest;
  let two: LabGuest;

  before(async () => {
    lab = await NetworkLab.make();
    await lab.forward(true);
    await lab.serve(lab.outside, "outside");
    await lab.serve(lab.onHost, "host");
    await lab.serve(lab.onHost, "loopback", "127.0.0.1", 9001);
    host = await TestHost.start({}, lab.onHost);
    await using image = await busyboxImage();
    await host.ok(["kernel", "import", "generic", "--vmlinux", genericKernel()]);
    await host.ok(["image", "pull", image.reference, "--name", "busybox", "--kernel-ref", "generic"]);
    bare = await lab.state();
    one = await LabGuest.create(host, "one", "--publish", "18080:80", "--publish", "0.0.0.0:18081:80");
    two = await LabGuest.create(host, "two");
  });

  after(async () => {
    await host[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  test("two VMs reach a server outside, with the host's address", async () => {
    for (const guest of [one, two]) {
      const { network } = await guest.inspect();
      assert.equal(network.via, "nftables", network.why);
      assert.equal(await guest.get(LAB.outside), `outside ${LAB.host}`);
    }
    assert.match(await one.sh("cat /etc/resolv.conf"), /^nameserver 203\.0\.113\.53$/m);
    assert.match(await one.sh("ip link show eth0"), /mtu 1400/, "the uplink's");
  });

  test("they do not reach each other, though the host reaches both", async () => {
    const [a, b] = await Promise.all([one.address(), two.address()]);
    assert.notEqual(a, b);
    assert.equal(await getFrom(lab.onHost, a, 80), "guest one");
    assert.equal(await getFrom(lab.onHost, b, 80), "guest two");
    assert.equal(await one.get(b, 80), "");
    assert.equal(await two.get(a, 80), "");
    assert.equal(await two.get(LAB.host, 18_081), "", "nor by a port that is published to everyone");
  });

  test("they reach neither the host's services nor cloud metadata, though all that answers", async () => {
    const { network } = await one.inspect();
    for (const address of WALLED) {
      assert.equal(await getFrom(lab.onHost, address, LAB.port), `outside ${LAB.host}`);
      assert.equal(await one.get(address), "", address);
    }
    for (const address of [LAB.host, network.gateway]) assert.equal(await one.get(address), "", address);
    assert.equal(await one.get(network.gateway, 9001), "");
  });

  test("a guest that says it is another is not heard", async () => {
    const { network } = await two.inspect();
    const speakAs = (address: string): Promise<string> =>
      two.sh(`ip addr add ${address}/32 dev lo 2>/dev/null
        ip route replace default via ${network.gateway} dev eth0 src ${address}`);
    const heard = async (): Promise<number> => {
      const links = await lab.host("ip", ["-json", "-statistics", "link", "show", "dev", network.device]);
      return (JSON.parse(links) as { stats64: { rx: { packets: number } } }[])[0]?.stats64.rx.packets ?? 0;
    };
    for (const address of ["10.213.99.99", await one.address(), "198.51.100.77"]) {
      await speakAs(address);
      const before = await heard();
      assert.equal(await two.get(LAB.outside), "", address);
      assert.ok((await heard()) > before, "it spoke");
    }
    await two.sh(`ip route replace default via ${network.gateway} dev eth0 src ${await two.address()}`);
    assert.equal(await two.get(LAB.outside), `outside ${LAB.host}`);
  });

  test("published ports reach the guest: from the host by each of its addresses, from outside where asked", async () => {
    assert.equal(await getFrom(lab.onHost, "127.0.0.1", 18_080), "guest one");
    assert.equal(await getFrom(lab.onHost, "127.0.0.1", 18_081), "guest one");
    assert.equal(await getFrom(lab.onHost, LAB.host, 18_081), "guest one");
    assert.equal(await getFrom(lab.outside, LAB.host, 18_081), "guest one");
    assert.equal(await getFrom(lab.outside, LAB.host, 18_080), "", "loopback is nobody else's");
  });

  test("a port that is taken is told before anything is made", async () => {
    const state = await lab.state();
    const files = await host.files(".local/share/banger/vms");
    const refuse = async (port: string, code: string, why: RegExp): Promise<void> => {
      const said = await host.banger([
        "vm",
        "create",
        "--name",
        "no",
        "--image",
        "busybox",
        "--nat",
        "--publish",
        port,
      ]);
      assert.notEqual(said.code, 0);
      assert.match(said.stderr, new RegExp(code));
      assert.match(said.stderr, why);
    };
    await refuse("18080", "PORT_TAKEN", /VM one has it[^]*banger vm stop one/);
    await refuse("127.0.0.1:18081", "PORT_TAKEN", /VM one has it/);
    await refuse("9001", "PORT_TAKEN", /something listens there[^]*ss -tlnp/);
    await refuse("192.0.2.77:80", "VM_SPEC_INVALID", /no address 192\.0\.2\.77/);
    assert.equal(await lab.state(), state);
    assert.deepEqual(await host.files(".local/share/banger/vms"), files);
  });

  test("a network outlives the daemon, and goes when the next one finds its VM gone", async () => {
    process.kill(await host.daemonPid(), "SIGKILL");
    assert.equal(await getFrom(lab.onHost, "127.0.0.1", 18_080), "guest one");
    const before = await lab.host("nft", ["list", "ruleset"]);
    assert.equal(await one.get(LAB.outside), `outside ${LAB.host}`);
    assert.equal(await lab.host("nft", ["list", "ruleset"]), before, "taken back as it was");

    const { pid } = await two.inspect();
    process.kill(await host.daemonPid(), "SIGKILL");
    process.kill(pid, "SIGKILL");
    const listed = await host.json<{ name: string; state: string }[]>(["vm", "list"]);
    assert.equal(listed.find(({ name }) => name === "two")?.state, "failed");
    const left = await lab.host("ip", ["link", "show"]);
    assert.equal(left.match(/^\d+: bgr-/gm)?.length, 1, left);
    assert.equal(await one.get(LAB.outside), `outside ${LAB.host}`, "the other's stays");
    await host.ok(["vm", "delete", "--force", "two"]);
  });

  test("who asks for it reaches the host, and VMs that ask reach each other", async () => {
    const three = await LabGuest.create(host, "three", "--allow-host", "--allow-vms");
    const four = await LabGuest.create(host, "four", "--allow-vms");
    const { network } = await three.inspect();
    assert.equal(await three.get(await four.address(), 80), "guest four");
    assert.equal(await four.get(await three.address(), 80), "guest three");
    assert.equal(await three.get(await one.address(), 80), "", "one has not asked");
    assert.match(await three.get(LAB.host), /^host 10\.213\./);
    assert.match(await three.get(network.gateway, 9001), /^loopback /, "the gateway is the host's loopback");
    assert.equal(await three.get(LAB.metadata), `outside ${LAB.host}`);
    assert.equal(await four.get(LAB.host), "");
  });

  test("when all VMs are gone, the host is as it was", async () => {
    for (const name of ["one", "three", "four"]) await host.ok(["vm", "delete", "--force", name]);
    assert.equal(await lab.state(), bare);
  });

  test("doctor says what makes such networks possible, and what undoes that", async () => {
    const find = async (): Promise<{ result: string; summary: string; fix?: string } | undefined> => {
      const { checks } = await host.json<{ checks: { name: string; result: string; summary: string; fix?: string }[] }>(
        ["doctor"],
      );
      return checks.find(({ name }) => name === "nat-nftables");
    };
    assert.equal((await find())?.result, "ok");
    await lab.forward(false);
    const off = await find();
    assert.match(off?.summary ?? "", /up0 does not forward/);
    const [, mend = "", undo = ""] = /^sudo (\S.*?) +\(undone by: sudo (.*)\)$/.exec(off?.fix ?? "") ?? [];
    await lab.host("sh", ["-c", mend]);
    assert.equal((await find())?.result, "ok", "what it says mends it");
    await lab.host("sh", ["-c", undo]);
    await lab.forward(true);
    assert.equal(await lab.state(), bare);
  });
});
