import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { newId } from "../../src/lib/ids.ts";
import { planHostNetwork, type NetworkedVm } from "../../src/net/host/host-networks.ts";
import { planUp } from "../../src/net/host/host-plan.ts";
import { NetworkLab, runIn, whyNoLab } from "../helpers/network-lab.ts";

const INSTANCE = "0badcafe";
const skip = (await whyNoLab()) ?? false;

suite("the plan of VMs' networks on the host", { skip, timeout: 300_000 }, () => {
  let lab: NetworkLab;
  let folder: string;
  let bare: string;

  before(async () => {
    lab = await NetworkLab.make();
    folder = await mkdtemp(join(tmpdir(), "banger-plan-"));
    // Somebody else's firewall, bridge and settings, which must come through all this as they are.
    await lab.host("nft", ["-f", "-"], "table ip filter { chain FORWARD { type filter hook forward priority 0; }; }\n");
    await lab.host("ip", ["link", "add", "br0", "type", "bridge"]);
    await lab.host("ip", ["tuntap", "add", "dev", "bgr-stranger", "mode", "tap"]);
    await lab.host("ip", ["link", "set", "dev", "bgr-stranger", "alias", "banger/another1/vm-stranger"]);
    await lab.host("nft", ["add", "table", "inet", "banger-another1"]);
    await lab.forward(true);
    bare = await lab.state();
  });

  after(async () => {
    await lab[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function vms(count: number): Promise<{ readonly file: string; readonly list: readonly NetworkedVm[] }> {
    const facts = {
      uplink: { name: "up0", mtu: 1400 },
      routes: [{ block: "198.51.100.0/24" }],
      links: [],
      resolvers: [],
    };
    const list: NetworkedVm[] = [];
    for (let n = 0; n < count; n++) {
      const id = newId("vm");
      const network = planHostNetwork(
        id,
        facts,
        list.map((vm) => vm.network.address),
        {},
      );
      const publish = [{ hostAddress: "127.0.0.1", hostPort: 20_000 + n, guestPort: 80 }];
      list.push({ id, spec: { publish, allowHost: n % 2 === 0, allowVms: n % 3 === 0 }, network });
    }
    const file = join(folder, `${list[0]?.id}.json`);
    await writeFile(file, JSON.stringify(list));
    return { file, list };
  }

  const helper = (name: string): string => join(import.meta.dirname, "../helpers", name);

  /** Raises networks in a process of its own; how it ended. */
  async function raise(file: string, ...dieAt: readonly number[]): Promise<string> {
    const [program = "", ...words] = lab.onHost;
    const args = [...words, process.execPath, helper("raise-and-die.ts"), INSTANCE, file, ...dieAt.map(String)];
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    return signal ?? String(code);
  }

  const settle = async (file: string): Promise<readonly string[]> =>
    JSON.parse(await runIn(lab.onHost, process.execPath, [helper("settle-networks.ts"), INSTANCE, file])) as string[];

  test("50 VMs raised and taken away leave the host as it was", async () => {
    const { file, list } = await vms(50);
    assert.equal(await raise(file), "0");
    const up = await lab.state();
    for (const { network } of list) assert.ok(up.includes(`${network.device}: <`), network.device);
    assert.notEqual(up, bare);
    assert.deepEqual((await settle(file)).toSorted(), list.map(({ network }) => network.device).toSorted());
    assert.equal(await lab.state(), bare);
    assert.deepEqual(await settle(file), [], "twice changes nothing");
    assert.equal(await lab.state(), bare);
  });

  test("killed before any step, it leaves nothing that is not found and removed", async () => {
    const { file, list } = await vms(2);
    const [one] = list;
    assert.ok(one);
    const hostVm = { vmId: one.id, device: "d", address: "10.0.0.2", gateway: "10.0.0.1", dns: [] };
    const wishes = { publish: [], allowHost: false, allowVms: false, prefixLength: 30, mtu: 1400 };
    const steps = planUp(INSTANCE, { ...hostVm, ...wishes }, []).length;
    assert.ok(steps >= 5);
    for (const vm of [0, 1]) {
      for (let step = 0; step < steps; step++) {
        assert.equal(await raise(file, vm, step), "SIGKILL");
        if (vm > 0 || step > 0) assert.notEqual(await lab.state(), bare, "something was there to be found");
        await settle(file);
        assert.equal(await lab.state(), bare, `killed before step ${step} of VM ${vm}`);
      }
    }
  });

  test("killed at any moment, 50 VMs leave nothing that is not found and removed", async () => {
    const { file } = await vms(50);
    for (const share of [0.3, 0.7]) {
      const [program = "", ...words] = lab.onHost;
      const args = [...words, process.execPath, helper("raise-and-die.ts"), INSTANCE, file];
      const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], detached: true });
      const exit = once(child, "exit");
      let seen = 0;
      for await (const chunk of child.stdout) {
        seen += String(chunk).split("\n").length - 1;
        // It and the tool that it is running, in whatever they are doing.
        if (seen >= 50 * share && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      }
      await exit;
      assert.equal(child.signalCode, "SIGKILL", "it was killed half-way");
      await settle(file);
      assert.equal(await lab.state(), bare);
    }
  });

  test("the comparison sees each thing that could be left", async () => {
    const leftovers: readonly (readonly [string, readonly string[], readonly string[]])[] = [
      ["nft", ["add", "table", "inet", "left"], ["delete", "table", "inet", "left"]],
      ["ip", ["link", "add", "left0", "type", "bridge"], ["link", "delete", "left0"]],
      ["ip", ["route", "add", "192.0.2.0/24", "dev", "up0"], ["route", "delete", "192.0.2.0/24", "dev", "up0"]],
      ["ip", ["rule", "add", "fwmark", "7", "lookup", "7"], ["rule", "delete", "fwmark", "7", "lookup", "7"]],
      ["sysctl", ["-w", "net.ipv4.conf.up0.route_localnet=1"], ["-w", "net.ipv4.conf.up0.route_localnet=0"]],
      ["ip", ["link", "delete", "bgr-stranger"], ["tuntap", "add", "dev", "bgr-stranger", "mode", "tap"]],
    ];
    for (const [file, leave, undo] of leftovers) {
      await lab.host(file, leave);
      assert.notEqual(await lab.state(), bare, leave.join(" "));
      await lab.host(file, undo);
    }
  });
});
