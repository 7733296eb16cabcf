import { untilAborted } from "../../../lib/deadline.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { Vm } from "../../../model/vm.ts";
import type { LiveVm } from "../live/live-vms.ts";
import { byForce } from "../live/turns.ts";
import type { VmContext } from "../vm-context.ts";
import { deleteVm } from "./delete-vm.ts";
import { saveVolumes } from "./save-volumes.ts";

/**
 * Deletes a VM whatever it does. Whoever asks for it while another does waits for that one: the end of a `run` and its
 * connection's end come together, and neither is to cancel the other.
 *
 * @throws BangerError what {@link deleteVm} throws.
 */
export async function deleteByForce(context: VmContext, ref: string, operation: OperationContext): Promise<void> {
  const { id } = context.store.vms.get(ref);
  const before = context.deleting.get(id);
  if (before !== undefined) {
    // How that ends is told to whoever began it.
    await untilAborted(
      before.catch(() => {}),
      operation.signal,
    );
    if (context.store.vms.find(id) === undefined) return;
  }
  const remove = async (vm: Vm | undefined): Promise<void> => {
    if (vm !== undefined) await deleteVm(context, vm, true, operation);
  };
  const save = (vm: Vm, live: LiveVm): Promise<void> => saveVolumes(context, vm, live);
  const deleting = byForce(context, id, operation.signal, remove, save);
  context.deleting.set(id, deleting);
  try {
    await deleting;
  } finally {
    if (context.deleting.get(id) === deleting) context.deleting.delete(id);
  }
}
