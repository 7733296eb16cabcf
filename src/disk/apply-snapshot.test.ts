import assert from "node:assert/strict";
import { test } from "node:test";
import { mib } from "../lib/bytes.ts";
import { attachSnapshot, detachSnapshots } from "./apply-snapshot.ts";
import type { LoopSeen, MapperHost } from "./mapper-host.ts";
import { planSnapshot } from "./snapshot-plan.ts";

const plan = planSnapshot({
  vmId: "vm-1",
  diskId: "root",
  base: { path: "/images/rootfs", sizeBytes: mib(4) },
  store: "/vms/vm-1/root",
  sizeBytes: mib(8),
});

/** Two loop devices, two mappings with the question for their numbers, two to let go. */
const COMMANDS = 8;

/**
 * A kernel's book-keeping of loop and mapped devices, as losetup(8) and dmsetup(8) change it: a loop device that was
 * detached while it was in use goes with its last user. The real kernel is asked in test/e2e/device-mapper.test.ts.
 */
class PaperHost implements MapperHost {
  readonly #loops = new Map<string, LoopSeen & { lazy: boolean }>();
  readonly #maps = new Map<string, readonly string[]>();
  readonly said: string[] = [];
  /** Fails at this command, counted from 1. */
  failAt = 0;

  async run(tool: "losetup" | "dmsetup", args: readonly string[], input = ""): Promise<string> {
    this.said.push([tool, ...args, ...input.split("\n")].join(" ").trim());
    if (this.said.length === this.failAt) throw new Error("no such luck");
    const last = args.at(-1) ?? "";
    switch (`${tool} ${args[0]}`) {
      case "losetup --find": {
        const device = `/dev/loop${this.#loops.size}`;
        const readOnly = args.includes("--read-only");
        this.#loops.set(device, { device, file: last, readOnly, held: false, lazy: false });
        return `${device}\n`;
      }
      case "losetup --detach": {
        const loop = this.#loops.get(last);
        if (loop === undefined) throw new Error(`${last}: No such device`);
        loop.lazy = true;
        break;
      }
      case "dmsetup create":
        this.#maps.set(last, input.match(/\/dev\/\S+/g) ?? []);
        break;
      case "dmsetup info":
        return `dm-${[...this.#maps.keys()].indexOf(last)}\n`;
      case "dmsetup remove":
        if (!this.#maps.delete(last)) throw new Error(`${last}: No such device`);
        break;
      default:
        throw new Error(`no such command: ${tool} ${args.join(" ")}`);
    }
    for (const [device, loop] of this.#loops) if (loop.lazy && !this.#isHeld(device)) this.#loops.delete(device);
    return "";
  }

  maps = async (): Promise<readonly string[]> => [...this.#maps.keys()];

  loops = async (): Promise<readonly LoopSeen[]> =>
    [...this.#loops.values()].map((loop) => ({ ...loop, held: this.#isHeld(loop.device) }));

  #isHeld(device: string): boolean {
    return [...this.#maps.values()].some((of) => of.includes(device));
  }
}

test("a snapshot is put together by losetup and dmsetup, and taken down by its name", async () => {
  const host = new PaperHost();
  assert.equal(await attachSnapshot(plan, host), "/dev/dm-1");
  assert.deepEqual(host.said, [
    "losetup --find --show --read-only /images/rootfs",
    "losetup --find --show /vms/vm-1/root",
    "dmsetup create --noudevrules --readonly banger-vm-1-root-base 0 8192 linear /dev/loop0 0 8192 8192 zero",
    "dmsetup info -c --noheadings -o blkdevname banger-vm-1-root-base",
    "dmsetup create --noudevrules banger-vm-1-root 0 16384 snapshot /dev/dm-0 /dev/loop1 P 8",
    "dmsetup info -c --noheadings -o blkdevname banger-vm-1-root",
    "losetup --detach /dev/loop0",
    "losetup --detach /dev/loop1",
  ]);
  host.said.length = 0;
  assert.equal(await detachSnapshots("vm-1", [], host), 2);
  assert.deepEqual(host.said, [
    "dmsetup remove --deferred banger-vm-1-root",
    "dmsetup remove --deferred banger-vm-1-root-base",
  ]);
  assert.deepEqual(await host.loops(), []);
  assert.equal(await detachSnapshots("vm-1", ["/vms/vm-1/root"], host), 0, "nothing is left to take down");
});

for (let step = 1; step <= COMMANDS; step += 1) {
  test(`a snapshot that fails at step ${step} leaves nothing`, async () => {
    const host = new PaperHost();
    host.failAt = step;
    await assert.rejects(attachSnapshot(plan, host), /no such luck/);
    assert.deepEqual([await host.maps(), await host.loops()], [[], []]);
  });

  test(`a snapshot that was cut off before step ${step} is taken down, and nothing of others`, async () => {
    const host = new PaperHost();
    await host.run("losetup", ["--find", "--show", "/home/user/disk"]);
    await host.run("dmsetup", ["create", "banger-vm-12-root"], "0 1 linear /dev/loop0 0");
    const others = [await host.maps(), await host.loops()];
    let steps = 0;
    // Whoever is killed neither goes on nor undoes.
    const dying: MapperHost = {
      maps: host.maps,
      loops: host.loops,
      run: (...args) => {
        steps += 1;
        return steps < step ? host.run(...args) : Promise.reject(new Error("killed"));
      },
    };
    await assert.rejects(attachSnapshot(plan, dying), /killed/);
    await detachSnapshots("vm-1", ["/vms/vm-1/root", "/images/rootfs"], host);
    assert.deepEqual([await host.maps(), await host.loops()], others);
  });
}

test("a base that is still somebody's is left alone", async () => {
  const host = new PaperHost();
  await host.run("losetup", ["--find", "--show", "--read-only", "/images/rootfs"]);
  await host.run("dmsetup", ["create", "users-own"], "0 1 linear /dev/loop0 0");
  assert.equal(await detachSnapshots("vm-1", ["/images/rootfs"], host), 0);
  assert.equal((await host.loops()).length, 1);
});
