import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { attachSnapshot, detachSnapshots } from "../../src/disk/apply-snapshot.ts";
import type { MapperHost } from "../../src/disk/mapper-host.ts";
import { planSnapshot, storeBytes } from "../../src/disk/snapshot-plan.ts";
import { mib } from "../../src/lib/bytes.ts";
import { GuestMapper } from "../helpers/guest-mapper.ts";
import { TestHost } from "../helpers/test-host.ts";
import { busyboxImage } from "../helpers/test-images.ts";

/**
 * Device mapper for real, whatever this host's kernel has: the commands run in a guest of Debian's kernel, which has it.
 * What they make is read and written there as a VMM would.
 */
suite("disks that device mapper puts together", { timeout: 600_000 }, () => {
  const BASE = { path: "/base", sizeBytes: mib(16) };
  const GROWN = mib(24);
  let host: TestHost;
  let image: Awaited<ReturnType<typeof busyboxImage>>;
  let guest: GuestMapper;
  let baseSum: string;

  const planOf = (vmId: string) =>
    planSnapshot({ vmId, diskId: "root", base: BASE, store: `/store-${vmId}`, sizeBytes: GROWN });
  const sha256 = async (path: string): Promise<string> => (await guest.sh(`sha256sum ${path}`)).slice(0, 64);
  const read = (device: string, at: number): Promise<string> =>
    guest.sh(`dd if=${device} bs=4096 skip=${at / 4096} count=1 2>/dev/null | head -n 1 | busybox tr -d '\\0'`);
  const write = (device: string, at: number, words: string): Promise<string> =>
    guest.sh(`echo ${words} | dd of=${device} bs=4096 seek=${at / 4096} conv=notrunc,fsync,sync 2>/dev/null`);

  before(async () => {
    host = await TestHost.start();
    image = await busyboxImage();
    await host.ok(["kernel", "pull", "debian-cloud"]);
    await host.ok(["image", "pull", image.reference, "--name", "busybox"]);
    await host.ok(["vm", "create", "--name", "mapper", "--image", "busybox", "--memory", "512M"]);
    guest = await GuestMapper.prepare(host, "mapper");
    await guest.sh(`busybox truncate -s ${BASE.sizeBytes} /base; busybox mkfifo /fifo`);
    await write("/base", 4096, "of the base");
    baseSum = await sha256("/base");
    for (const name of ["one", "two"]) await guest.sh(`busybox truncate -s ${storeBytes(GROWN)} /store-${name}`);
  });

  after(async () => {
    await host[Symbol.asyncDispose]();
    await image[Symbol.asyncDispose]();
  });

  const nothingIsLeft = async (): Promise<void> => {
    assert.deepEqual([await guest.maps(), await guest.loops()], [[], []]);
  };

  /** Devices of the disks that are put together, by VM. */
  const devices = new Map<string, string>();
  const attach = async (vmId: string): Promise<string> => {
    const device = await attachSnapshot(planOf(vmId), guest);
    devices.set(vmId, device);
    return device;
  };

  test("two of one base are apart, larger than it, and it stays as it is", async () => {
    const one = await attach("one");
    const two = await attach("two");
    await write(one, 0, "of one");
    await write(two, 0, "of two");
    await write(one, GROWN - 4096, "the end of one");
    assert.deepEqual([await read(one, 0), await read(two, 0)], ["of one", "of two"]);
    assert.deepEqual([await read(one, 4096), await read(two, 4096)], ["of the base", "of the base"]);
    assert.deepEqual([await read(one, GROWN - 4096), await read(two, GROWN - 4096)], ["the end of one", ""]);
    assert.equal(await sha256("/base"), baseSum);
    await assert.rejects(write(one, GROWN, "past the end"));
  });

  test("what was written is there again after it was taken down, as it is after a boot of the host", async () => {
    assert.equal(await detachSnapshots("one", [], guest), 2);
    assert.deepEqual(await guest.maps(), ["banger-two-root-base", "banger-two-root"]);
    const one = await attach("one");
    assert.equal(await read(one, 0), "of one");
    assert.equal(await read(one, GROWN - 4096), "the end of one");
  });

  test("a guest that writes all of its disk finds room in the store", async () => {
    const device = devices.get("two") ?? "";
    await guest.sh(`dd if=/dev/urandom of=${device} bs=1048576 count=24 conv=fsync 2>/dev/null`);
    assert.match(await guest.run("dmsetup", ["status", "banger-two-root"]), /snapshot \d+\/\d+ \d+/);
    assert.equal(await sha256("/base"), baseSum);
  });

  test("one that somebody has open goes with its last user", async () => {
    const device = devices.get("one") ?? "";
    const opened = guest.sh(`exec 3<${device}; : >/open; read -r go </fifo || :`);
    await guest.sh("until [ -e /open ]; do sleep 0.05; done");
    await detachSnapshots("one", [], guest);
    assert.ok((await guest.maps()).includes("banger-one-root"));
    await guest.sh("echo go >/fifo");
    await opened;
    assert.deepEqual(await guest.maps(), ["banger-two-root-base", "banger-two-root"]);
  });

  test("one that was made larger keeps what it has", async () => {
    const sizeBytes = mib(40);
    await guest.sh(`busybox truncate -s ${storeBytes(sizeBytes)} /store-one`);
    const device = await attachSnapshot(
      planSnapshot({ vmId: "one", diskId: "root", base: BASE, store: "/store-one", sizeBytes }),
      guest,
    );
    await write(device, sizeBytes - 4096, "its new end");
    const seen = [await read(device, 0), await read(device, GROWN - 4096), await read(device, sizeBytes - 4096)];
    assert.deepEqual(seen, ["of one", "the end of one", "its new end"]);
    await detachSnapshots("one", [], guest);
  });

  test("when all are taken down nothing is left", async () => {
    await detachSnapshots("two", [], guest);
    await nothingIsLeft();
    assert.equal(await detachSnapshots("two", ["/store-two", "/base"], guest), 0);
  });

  test("a store that finds its disk full is given up by the kernel, as docs/disks.md says; its base stays", async () => {
    await guest.sh("busybox mkdir -p /small; mount -t tmpfs -o size=1m tmpfs /small");
    await guest.sh(`busybox truncate -s ${storeBytes(GROWN)} /small/store`);
    const plan = planSnapshot({ vmId: "full", diskId: "root", base: BASE, store: "/small/store", sizeBytes: GROWN });
    const device = await attachSnapshot(plan, guest);
    await assert.rejects(guest.sh(`dd if=/dev/urandom of=${device} bs=1048576 count=4 conv=fsync 2>/dev/null`));
    assert.match(await guest.run("dmsetup", ["status", "banger-full-root"]), /Invalid/);
    await detachSnapshots("full", [], guest);
    await guest.sh("busybox umount /small");
    assert.equal(await sha256("/base"), baseSum);
    await nothingIsLeft();
  });

  test("one whose store is gone leaves nothing", async () => {
    await assert.rejects(attachSnapshot(planOf("three"), guest), /store-three/);
    await nothingIsLeft();
  });

  for (const cutOffBefore of [2, 4, 7]) {
    test(`what a daemon leaves that dies before command ${cutOffBefore} is taken down`, async () => {
      let commands = 0;
      const dying: MapperHost = {
        maps: () => guest.maps(),
        loops: () => guest.loops(),
        run: (...args) => {
          commands += 1;
          return commands < cutOffBefore ? guest.run(...args) : Promise.reject(new Error("killed"));
        },
      };
      await assert.rejects(attachSnapshot(planOf("one"), dying), /killed/);
      assert.notDeepEqual(await guest.loops(), []);
      await detachSnapshots("one", ["/store-one", "/base"], guest);
      await nothingIsLeft();
    });
  }
});
