import { installHint } from "../../../lib/install-hint.ts";
import { run } from "../../../lib/process.ts";
import type { Vm } from "../../../model/vm.ts";
import type { VmsOfImages } from "../../images/index.ts";
import type { VmContext } from "../vm-context.ts";

/** What VMs do for the images that they were made from. */
export function vmsOfImages({ store, live }: Pick<VmContext, "store" | "live">): VmsOfImages {
  const readersOf = (path: string): readonly Vm[] =>
    store.vms.list().filter(({ disks }) => disks.some(({ base }) => base?.path === path));
  return {
    readersOf: (path) => readersOf(path).map(({ name }) => name),
    runningReadersOf: (path) =>
      readersOf(path)
        .filter(({ id, machine }) => live.has(id) || machine !== undefined)
        .map(({ name }) => name),
    async lead(imageId, olds, path) {
      for (const vm of store.vms.list()) if (vm.image.id === imageId) await leadTo(store, vm, olds, path);
    },
  };
}

async function leadTo(store: VmContext["store"], vm: Vm, olds: ReadonlySet<string>, path: string): Promise<void> {
  const moved = vm.disks.filter(({ base }) => base !== undefined && olds.has(base.path));
  if (moved.length === 0) return;
  for (const disk of moved) {
    if (disk.format !== "qcow2") continue;
    // Only the name of the base is written: its content is the same.
    await run("qemu-img", ["rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", path, "--", disk.path], {
      install: installHint("qemu-img"),
    });
  }
  store.vms.transition(vm.id, "moved", ({ disks }) => ({
    disks: disks.map((disk) =>
      disk.base !== undefined && olds.has(disk.base.path) ? { ...disk, base: { ...disk.base, path } } : disk,
    ),
  }));
}
