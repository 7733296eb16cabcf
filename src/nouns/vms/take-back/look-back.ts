import { asBangerError } from "../../../lib/errors.ts";
import { isAlive } from "../../../lib/process-identity.ts";
import { vmOnNetworkSchema, type Vm } from "../../../model/vm.ts";
import { noteNetwork } from "../network/note-network.ts";
import { recordExit } from "../stop/stop-vm.ts";
import { unseenEnd } from "./unseen-end.ts";
import type { VmContext } from "../vm-context.ts";

/** Writes down that a VM's VMM has ended. One that lives is taken back later, when the daemon answers already. */
export async function noteEnded(context: VmContext, { id, name, machine }: Vm, told: string[]): Promise<void> {
  if (machine === undefined || (await isAlive(machine))) return;
  told.push(`VM ${name}: its VMM had ended`);
  const { clean, reason, cause } = await unseenEnd(machine);
  await recordExit(context, id, clean, reason, cause);
}

/**
 * Takes away what a crash left of the networks of VMs that do not run. A host that has lost nft(8) since must not lose its
 * daemon too.
 *
 * @param before all VMs there were when the daemon started.
 */
export async function settleVmNetworks(context: VmContext, before: readonly Vm[], told: string[]): Promise<void> {
  const { store, networks, log } = context;
  const broken = store.vms.broken();
  // As many as have a record of a machine now: one that does not answer keeps its network, and so does one of which is not
  // known whether it runs.
  const running = store.vms.list().filter(({ machine }) => machine !== undefined);
  const readable = broken.flatMap(({ document }) => vmOnNetworkSchema.safeParse(document).data ?? []);
  const alive = new Set([...running, ...broken].map(({ id }) => id));
  try {
    told.push(...(await networks.settle([...before, ...readable], alive, noteNetwork(context))));
  } catch (error) {
    log.error({ err: error }, "what was left of VMs' networks could not be removed");
    told.push(`networks could not be put in order: ${asBangerError(error).message}`);
  }
}
