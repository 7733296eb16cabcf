import { removeTree } from "../../lib/destroy.ts";
import { isId } from "../../lib/ids.ts";
import { isWorkOf, type Intent } from "../../store/intents.ts";
import { sweepRefreshed } from "../images/image-folder.ts";
import { forgetOwnedKernels } from "../images/owned-kernel.ts";
import { settlePromotion } from "../images/promote-image.ts";
import { namesIn } from "../state/look-at-state.ts";
import { forgetVm } from "../vms/delete-vm.ts";
import { dropForeignDisks } from "../vms/rebase-vm.ts";
import { endMachine } from "../vms/stop-vm.ts";
import { atRest } from "../vms/at-rest.ts";
import type { VmContext } from "../vms/vm-context.ts";
import { detachDisks } from "../vms/vm-disks.ts";
import { endStrays } from "./end-strays.ts";

/** Finishes or undoes what a daemon left half-done. Safe to repeat. */
export async function settleIntent(context: VmContext, intent: Intent, told: string[]): Promise<void> {
  const { store, layout } = context;
  const { kind, subject } = intent;
  // It becomes part of paths.
  if (!isId(subject)) throw new Error(`${JSON.stringify(subject)} is no id`);
  const removeWork = async (): Promise<void> => {
    for (const name of namesIn(layout.workDir).filter((one) => isWorkOf(one, subject)))
      await removeTree(layout.workDir, name, "work of an open intent, by the name that it gave");
  };
  switch (kind) {
    case "work":
      await removeWork();
      return;
    case "kernel.add":
      await removeWork();
      if (store.kernels.find(subject) !== undefined) return;
      await removeTree(layout.kernelsDir, subject, "named by the open intent kernel.add; it never got its row");
      told.push("undid a kernel that was being added");
      return;
    case "image.add":
      for (const { id, builds } of store.vms.list()) if (builds === subject) await forgetVm(context, id);
      await removeWork();
      if (store.images.find(subject) !== undefined) return;
      await forgetOwnedKernels(context, subject);
      await removeTree(layout.imagesDir, subject, "named by the open intent image.add; it never got its row");
      told.push("undid an image that was being added");
      return;
    case "kernel.delete":
      store.kernels.delete(subject);
      await removeTree(layout.kernelsDir, subject, "named by the open intent kernel.delete");
      told.push("finished deleting a kernel");
      return;
    case "image.promote":
      await removeWork();
      await settlePromotion(context, subject);
      told.push("settled an image that was being promoted");
      return;
    case "image.refresh":
      await removeWork();
      await sweepRefreshed(context, subject);
      told.push("settled an image that was being refreshed");
      return;
    case "image.delete":
      await forgetOwnedKernels(context, subject);
      store.images.delete(subject);
      await removeTree(layout.imagesDir, subject, "named by the open intent image.delete");
      told.push("finished deleting an image");
      return;
    case "vm.create":
      if (store.vms.find(subject)?.state === "creating") {
        await forgetVm(context, subject);
        told.push("undid a VM that was being created");
      }
      return;
    case "vm.rebase": {
      const vm = store.vms.find(subject);
      if (vm === undefined) return;
      // The row says whether it came to pass; the disk that it does not name is nobody's.
      await dropForeignDisks(context, vm);
      told.push(`VM ${vm.name}: settled its change to another image; it is on ${vm.image.name}`);
      return;
    }
    case "vm.delete":
      await endStrays(context, subject);
      await forgetVm(context, subject);
      told.push("finished deleting a VM");
      return;
    case "vm.start":
    case "vm.stop": {
      const vm = store.vms.find(subject);
      if (vm === undefined || (vm.state !== "starting" && vm.state !== "stopping")) return;
      // A start without its daemon has lost who waited for it; a stop that was begun is wanted.
      await endMachine(context, subject);
      await endStrays(context, subject);
      await detachDisks(subject, vm, true);
      store.vms.update({ ...atRest(vm), state: "stopped" });
      told.push(`VM ${vm.name}: was ${vm.state} when the daemon died; it is stopped now`);
      return;
    }
  }
}
