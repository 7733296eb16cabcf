import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { access, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { MAPPER_CONTROL } from "../../src/disk/probe-clone.ts";
import { DISK_STRATEGIES } from "../../src/model/fields/choices.ts";
import type { DiskStrategy } from "../../src/model/vm.ts";
import { mountFresh, needsRoot } from "../helpers/loop-mount.ts";
import { TestHost } from "../helpers/test-host.ts";
import { busyboxImage } from "../helpers/test-images.ts";

const MIB = 1024 ** 2;

interface ImageSeen {
  readonly rootfs: { readonly path: string; readonly sizeBytes: number; readonly usedBytes: number };
}

interface VmSeen {
  readonly disks: readonly { readonly strategy: string; readonly sizeBytes: number }[];
}

const hasDeviceMapper = await access(MAPPER_CONTROL).then(
  () => true,
  () => false,
);

function skipFor(strategy: DiskStrategy): string | false {
  if (strategy !== "dm-snapshot" || hasDeviceMapper) return false;
  return `there is no ${MAPPER_CONTROL}; device-mapper.test.ts tries it in a guest`;
}

/** On xfs, which shares blocks: there every way can be had. */
suite("two VMs of one image", { skip: needsRoot, timeout: 600_000 }, () => {
  let mounted: Awaited<ReturnType<typeof mountFresh>>;
  let host: TestHost;
  let image: Awaited<ReturnType<typeof busyboxImage>>;
  let rootfs: ImageSeen["rootfs"];
  let sumBefore: string;

  before(async () => {
    mounted = await mountFresh("xfs", "2G");
    host = await TestHost.start({ XDG_DATA_HOME: mounted.path });
    image = await busyboxImage();
    await host.ok(["kernel", "pull", "debian-cloud"]);
    await host.ok(["image", "pull", image.reference, "--name", "busybox"]);
    ({ rootfs } = await host.json<ImageSeen>(["image", "inspect", "busybox"]));
    sumBefore = sha256(rootfs.path);
  });

  after(async () => {
    await host[Symbol.asyncDispose]();
    await image[Symbol.asyncDispose]();
    await mounted[Symbol.asyncDispose]();
  });

  const sh = async (vm: string, script: string): Promise<string> =>
    (await host.ok(["vm", "exec", vm, "--", "sh", "-ec", script])).trim();

  for (const strategy of DISK_STRATEGIES) {
    test(`never see each other's writes: ${strategy}`, { skip: skipFor(strategy) }, async () => {
      const names = [`${strategy}-one`, `${strategy}-two`] as const;
      const larger = rootfs.sizeBytes + 512 * MIB;
      await Promise.all(
        names.map((name) => {
          const create = ["vm", "create", "--image", "busybox", "--name", name, "--memory", "256M"];
          const size = name === names[1] ? ["--disk-size", `${larger / MIB}M`] : [];
          return host.ok([...create, "--disk-strategy", strategy, ...size]);
        }),
      );
      const [one, two] = names;
      const seen = await host.json<VmSeen>(["vm", "inspect", two]);
      assert.deepEqual(
        seen.disks.map((disk) => [disk.strategy, disk.sizeBytes]),
        [[strategy, larger]],
      );

      await sh(
        one,
        "echo of one >/mark; echo changed >>/etc/passwd; dd if=/dev/urandom of=/much bs=1048576 count=8; sync",
      );
      assert.equal(await sh(two, "ls /mark /much 2>/dev/null || echo nothing"), "nothing");
      await sh(two, "echo of two >/mark; sync");
      assert.deepEqual([await sh(one, "cat /mark"), await sh(two, "cat /mark")], ["of one", "of two"]);
      assert.doesNotMatch(await sh(two, "cat /etc/passwd"), /changed/);
      const fileSystem = Number(await sh(two, "echo $(($(busybox stat -f -c '%b * %S' /)))"));
      assert.ok(fileSystem > rootfs.sizeBytes, `the larger disk has a file system of ${fileSystem} bytes`);

      await host.ok(["vm", "stop", one]);
      await host.ok(["vm", "start", one]);
      assert.equal(await sh(one, "cat /mark"), "of one");
      for (const name of names) await host.ok(["vm", "delete", "--force", name]);
      assert.deepEqual(await readdir(join(mounted.path, "banger/vms")), []);
    });
  }

  test("the image has not changed by any of them", async () => {
    assert.equal(sha256(rootfs.path), sumBefore);
  });

  test(
    "a way that cannot be had is refused with its reason, and leaves nothing",
    { skip: hasDeviceMapper },
    async () => {
      const refused = await host.banger(["vm", "create", "--image", "busybox", "--disk-strategy", "dm-snapshot"]);
      assert.equal(refused.code, 5);
      assert.match(refused.stderr, /cannot be made by dm-snapshot here/);
      assert.match(refused.stderr, /no device mapper/);
      assert.match(refused.stderr, /reflink or qcow2 or sparse-copy/);
      assert.deepEqual(await readdir(join(mounted.path, "banger/vms")), []);
      assert.deepEqual(await host.json(["vm", "list"]), []);
      const misspelt = await host.banger(["vm", "create", "--image", "busybox", "--disk-strategy", "copy"]);
      assert.equal(misspelt.code, 2);
      assert.match(misspelt.stderr, /--disk-strategy/);
    },
  );

  test("without a wish the cheapest is taken, and the configuration may say otherwise", async () => {
    await host.ok(["vm", "create", "--image", "busybox", "--name", "free", "--no-start"]);
    const { disks } = await host.json<VmSeen>(["vm", "inspect", "free"]);
    assert.equal(disks[0]?.strategy, "reflink");
    await mkdir(join(host.folder, ".config/banger"), { recursive: true });
    await writeFile(join(host.folder, ".config/banger/config.toml"), '[vm]\ndisk_strategy = "sparse-copy"\n');
    await host.ok(["daemon", "stop"]);
    await host.ok(["vm", "create", "--image", "busybox", "--name", "copied", "--no-start"]);
    const copied = await host.json<VmSeen>(["vm", "inspect", "copied"]);
    assert.equal(copied.disks[0]?.strategy, "sparse-copy");
  });
});

/** Where a file has data, and the digest of that: gigabytes of holes need not be read (lseek(2), SEEK_DATA). */
function sha256(path: string): string {
  const script = `
import hashlib, os, sys
file = os.open(sys.argv[1], os.O_RDONLY)
size, at, digest = os.fstat(file).st_size, 0, hashlib.sha256()
while at < size:
    try: start = os.lseek(file, at, os.SEEK_DATA)
    except OSError: break
    at = os.lseek(file, start, os.SEEK_HOLE)
    digest.update(b"%d-%d" % (start, at) + os.pread(file, at - start, start))
print(size, digest.hexdigest())`;
  return execFileSync("python3", ["-c", script, path], { encoding: "utf8" });
}
