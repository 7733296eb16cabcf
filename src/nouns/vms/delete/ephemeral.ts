import type { Vm } from "../../../model/vm.ts";
import { deleteByForce } from "./delete-by-force.ts";
import type { VmContext } from "../vm-context.ts";

/** How long a VM that is to be deleted with its owner may be without one: after its creation, and after a daemon's start. */
const OWNER_MS = 60_000;

/** VMs that live no longer than the connection that owns them, as `banger run` makes them. */
export interface EphemeralVms {
  /** Gives a VM some time to be owned; then it is deleted. Does nothing to one that is not ephemeral. */
  expectOwner(vm: Vm): void;
  /** Deletes an ephemeral VM when the signal of its owner's connection aborts. */
  own(vm: Vm, connection: AbortSignal): void;
}

export function ephemeralVms(context: VmContext, ownerMs = OWNER_MS): EphemeralVms {
  const expected = new Map<string, NodeJS.Timeout>();

  const remove = ({ id, name }: Vm, why: string): void => {
    const operation = { signal: new AbortController().signal, progress: () => {} };
    // What a user has kept, or deleted, meanwhile is none of ours.
    if (context.store.vms.find(id)?.ephemeral !== true) return;
    context.log.info({ vm: name, why }, "deleting a VM that was made for one command");
    deleteByForce(context, id, operation).catch((error: unknown) =>
      context.log.error({ err: error, vm: name }, "a VM could not be deleted"),
    );
  };

  return {
    expectOwner(vm) {
      if (vm.ephemeral !== true) return;
      const timer = setTimeout(() => {
        expected.delete(vm.id);
        remove(vm, "nobody owns it");
      }, ownerMs);
      expected.set(vm.id, timer.unref());
    },
    own(vm, connection) {
      if (vm.ephemeral !== true) return;
      clearTimeout(expected.get(vm.id));
      expected.delete(vm.id);
      const gone = (): void => remove(vm, "its owner is gone");
      if (connection.aborted) gone();
      else connection.addEventListener("abort", gone, { once: true });
    },
  };
}
