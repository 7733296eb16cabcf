import assert from "node:assert/strict";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createEmptyExt4 } from "../../../ext4/writer.ts";
import { mib } from "../../../lib/bytes.ts";
import type { Vm } from "../../../model/vm.ts";
import { checkVolumesClean, checkVolumesFree, planVolumes, volumeDisks } from "./vm-volumes.ts";

const volumes = {
  get: (ref: string) => ({ id: `vol-${ref}`, name: ref, createdAt: "2026-01-02T03:04:05Z", sizeBytes: 1 }),
  disk: (id: string) => `/volumes/${id}/disk`,
};

const mounts = (id: string, readOnly: boolean) => ({ id, name: id.slice(4), path: `/${id}`, readOnly });

function vm(name: string, state: Vm["state"], ...mounted: readonly ReturnType<typeof mounts>[]): Vm {
  return { id: `vm-${name}`, name, state, spec: { volumes: mounted } } as unknown as Vm;
}

test("volumes are mounted from the outside in, whatever the order in which they are asked for", () => {
  const planned = planVolumes(
    [
      { volume: "in", path: "/a/b/c", readOnly: true },
      { volume: "out", path: "/a", readOnly: false },
      { volume: "mid", path: "/a/b", readOnly: false },
    ],
    volumes,
  );
  assert.deepEqual(
    planned.map(({ name, readOnly }) => [name, readOnly]),
    [
      ["out", false],
      ["mid", false],
      ["in", true],
    ],
  );
  const machine = { ...vm("one", "stopped"), spec: { volumes: planned } } as unknown as Vm;
  assert.deepEqual(volumeDisks(machine, volumes)[2], {
    id: "volume2",
    path: "/volumes/vol-in/disk",
    format: "raw",
    readOnly: true,
  });
});

test("a volume is asked for once, and a path holds one", () => {
  const once = { volume: "a", path: "/a", readOnly: false };
  assert.throws(() => planVolumes([once, { ...once, path: "/b" }], volumes), { code: "VM_SPEC_INVALID" });
  assert.throws(() => planVolumes([once, { ...once, volume: "b" }], volumes), { code: "VM_SPEC_INVALID" });
});

test("a volume has one writer, or readers; VMs that are off do not count, and neither does the VM itself", () => {
  const cases: readonly (readonly [mine: boolean, theirs: boolean, state: Vm["state"], free: boolean])[] = [
    [false, false, "running", false],
    [false, true, "running", false],
    [true, false, "running", false],
    [true, true, "running", true],
    [false, false, "starting", false],
    [false, false, "paused", false],
    [false, false, "stopping", false],
    [false, false, "stopped", true],
    [false, false, "failed", true],
    [false, false, "creating", true],
  ];
  for (const [mine, theirs, state, isFree] of cases) {
    const me = vm("me", "stopped", mounts("vol-a", mine));
    const list = [me, vm("other", state, mounts("vol-a", theirs)), vm("third", "running", mounts("vol-b", false))];
    const context = { store: { vms: { list: () => list } } } as unknown as Parameters<typeof checkVolumesFree>[0];
    const check = (): void => checkVolumesFree(context, me);
    if (isFree) check();
    else assert.throws(check, { code: "VOLUME_IN_USE" }, `${mine} ${theirs} ${state}`);
  }
});

test("one that its writer left in the middle is not read only", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "banger-volume-"));
  const path = join(folder.path, "disk");
  await createEmptyExt4(path, {
    identity: Buffer.alloc(32, 1),
    sizeBytes: mib(16),
    signal: new AbortController().signal,
  });
  const at = { ...volumes, disk: () => path };
  const reader = vm("reader", "starting", mounts("vol-a", true));
  const writer = vm("writer", "starting", mounts("vol-a", false));
  await checkVolumesClean(reader, at);
  // EXT4_FEATURE_INCOMPAT_RECOVER, in s_feature_incompat of the superblock.
  const disk = await readFile(path);
  disk.writeUInt32LE(disk.readUInt32LE(1024 + 0x60) | 4, 1024 + 0x60);
  await writeFile(path, disk);
  await assert.rejects(checkVolumesClean(reader, at), { code: "VOLUME_UNCLEAN" });
  await checkVolumesClean(writer, at);
});
