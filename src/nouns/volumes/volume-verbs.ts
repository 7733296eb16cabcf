import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { holdersOf } from "../../core/holders.ts";
import { withIntent } from "../../core/intents.ts";
import { publish, stage, unpublish } from "../../core/places.ts";
import type { BrokenObject } from "../../core/rows.ts";
import { createEmptyExt4 } from "../../ext4/writer.ts";
import { bytes, formatBytes } from "../../lib/bytes.ts";
import { removeTree, setFileSize } from "../../lib/destroy.ts";
import { BangerError } from "../../lib/errors.ts";
import { isId, newId } from "../../lib/ids.ts";
import { keyedQueue } from "../../lib/keyed-queue.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { aboutFields } from "../../model/fields/about-fields.ts";
import type { Vm } from "../../model/vm.ts";
import type { Volume, VolumeUser, VolumeView } from "../../model/volume.ts";
import { VOLUME_ADD, VOLUME_DELETE } from "./settle-volumes.ts";
import type { VolumeContext } from "./volume-context.ts";

/** All verbs on volumes. */
export interface VolumeVerbs {
  list(): Promise<readonly VolumeView[]>;
  inspect(ref: string): Promise<VolumeView>;
  /** @throws BangerError `NAME_TAKEN`, `DISK_FULL`, `BAD_REQUEST` for a size that ext4 cannot have. */
  create(name: string, sizeBytes: number, operation: Pick<OperationContext, "signal">): Promise<VolumeView>;
  /** @throws BangerError `VOLUME_IN_USE` while a VM that runs mounts it, `BAD_REQUEST` for a smaller size. */
  resize(ref: string, sizeBytes: number, operation: Pick<OperationContext, "signal">): Promise<VolumeView>;
  /** @param force even if its record cannot be read. @throws BangerError `VOLUME_IN_USE` while a VM mounts it. */
  delete(ref: string, force?: boolean): Promise<void>;
  broken(): readonly BrokenObject[];
  /** @throws BangerError `VOLUME_NOT_FOUND`. */
  get(ref: string): Volume;
  /** The file that a volume is. */
  disk(id: string): string;
}

/** States in which a VM has none of its disks open. */
const OFF: ReadonlySet<Vm["state"]> = new Set(["creating", "stopped", "failed", "deleting"]);

/** Whether a VM has its disks open, or is about to. */
export function isOpen({ state }: Pick<Vm, "state">): boolean {
  return !OFF.has(state);
}

export function volumeVerbs({ layout, store }: VolumeContext): VolumeVerbs {
  const queue = keyedQueue();
  const disk = (id: string): string => join(layout.volumesDir, id, "disk");

  const usersOf = ({ id }: Volume): readonly VolumeUser[] =>
    store.vms
      .list()
      .flatMap((vm) =>
        vm.spec.volumes
          .filter((mounted) => mounted.id === id)
          .map(({ path, readOnly }) => ({ vm: vm.name, path, readOnly, running: isOpen(vm) })),
      );

  const view = async (volume: Volume): Promise<VolumeView> => {
    const path = disk(volume.id);
    const found = await stat(path).catch(() => undefined);
    return { ...volume, path, usedBytes: (found?.blocks ?? 0) * 512, usedBy: [...usersOf(volume)] };
  };

  return {
    list: () => Promise.all(store.volumes.list().map(view)),
    inspect: (ref) => view(store.volumes.get(ref)),
    get: (ref) => store.volumes.get(ref),
    disk,
    broken: () => store.volumes.broken(),
    async create(name, sizeBytes, { signal }) {
      store.volumes.checkFree(name);
      const id = newId("vol");
      return withIntent(
        store.intents,
        VOLUME_ADD,
        id,
        async () => {
          const identity = createHash("sha256").update(id).digest();
          const path = join(await stage(layout, id), "disk");
          await createEmptyExt4(path, { identity, sizeBytes: bytes(sizeBytes), label: "banger-volume", signal });
          await publish(layout, id, layout.volumesDir);
          const volume: Volume = { id, name, createdAt: new Date().toISOString(), sizeBytes };
          store.volumes.insert(volume);
          return view(volume);
        },
        () => unpublish(layout, id, layout.volumesDir),
      );
    },
    resize: (ref, sizeBytes, { signal }) =>
      queue.run(store.volumes.get(ref).id, signal, async () => {
        const volume = store.volumes.get(ref);
        refuseSmaller(volume, sizeBytes);
        const user = usersOf(volume).find(({ running }) => running);
        if (user !== undefined) {
          throw new BangerError("VOLUME_IN_USE", {
            what: `volume ${volume.name} cannot become larger now`,
            why: `VM ${user.vm} has it mounted`,
            fix: `stop it first: banger vm stop ${user.vm}`,
          });
        }
        // A file that became larger and is not recorded so only has room to spare: asking again mends it.
        await setFileSize(disk(volume.id), sizeBytes, "asked for by volume resize; it only grows, as was just seen");
        return view(store.volumes.transition(volume.id, "resized", { sizeBytes }));
      }),
    async delete(ref, force = false) {
      const { id, name } = (force ? store.volumes.findBroken(ref) : undefined) ?? store.volumes.get(ref);
      const [holder] = holdersOf(store, "volume", [id]);
      if (holder !== undefined) {
        throw new BangerError("VOLUME_IN_USE", {
          what: `volume ${name} is in use`,
          why: holder.isBroken
            ? `the record of ${holder.name} cannot be read, and it may mount it`
            : `${holder.singular} ${holder.name} mounts it`,
          fix: `delete that one first: banger vm delete ${holder.name}`,
        });
      }
      const intent = store.intents.begin(VOLUME_DELETE, id);
      store.volumes.delete(id);
      if (isId(id)) await removeTree(layout.volumesDir, id, "asked for by volume delete; no VM mounts it");
      store.intents.end(intent);
    },
  };
}

function refuseSmaller({ name, sizeBytes: has }: Volume, sizeBytes: number): void {
  if (sizeBytes >= has) return;
  throw new BangerError("BAD_REQUEST", {
    what: `volume ${name} cannot become ${formatBytes(sizeBytes)}`,
    why: `it has ${formatBytes(has)}, and volumes only grow`,
    fix: "ask for a larger size",
    data: aboutFields("sizeBytes"),
  });
}
