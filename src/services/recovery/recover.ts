import { asBangerError } from "../../lib/errors.ts";
import { settleIntents, type Settler } from "../../core/recovery.ts";
import { isAlive } from "../../lib/process-identity.ts";
import { vmOnNetworkSchema, type Vm, type VmOnNetwork } from "../../model/vm.ts";
import { noteNetwork } from "../vms/note-network.ts";
import { recordExit } from "../vms/stop-vm.ts";
import { unseenEnd } from "../vms/unseen-end.ts";
import type { VmContext } from "../vms/vm-context.ts";

/**
 * Puts the state in order after a daemon that died, or simply after the last one: VMMs that have ended are written down,
 * what was begun is finished or undone. Nothing is touched that neither a row nor an open intent names. Doing it twice
 * changes nothing. VMMs that live are taken back afterwards (vms/take-back.ts): this asks none of them.
 *
 * @param settlers of every noun.
 * @returns what was found and done, in words, for the log and `daemon status`.
 */
export async function recover(context: VmContext, settlers: readonly Settler[]): Promise<string[]> {
  const { store, layout, log } = context;
  const told: string[] = [];
  tellOfBroken(context, told);
  const vms = store.vms.list();
  const broken = store.vms.broken();
  for (const vm of vms) await recordEnded(context, vm, told);
  await settleIntents({ store, log, workDir: layout.workDir }, settlers, told);
  // As many as have a record of a machine now: one that does not answer keeps its network, and so does one of which is not
  // known whether it runs.
  const running = store.vms.list().filter(({ machine }) => machine !== undefined);
  const readable = broken.flatMap(({ document }) => vmOnNetworkSchema.safeParse(document).data ?? []);
  const alive = new Set([...running, ...broken].map(({ id }) => id));
  await settleNetworks(context, [...vms, ...readable], alive, told);
  for (const line of told) context.log.info({ recovery: line }, "recovered");
  return told;
}

/** Writes down which VMMs have ended. Those that live are taken back later, when the daemon answers already. */
async function recordEnded(context: VmContext, { id, name, machine }: Vm, told: string[]): Promise<void> {
  if (machine === undefined || (await isAlive(machine))) return;
  told.push(`VM ${name}: its VMM had ended`);
  const { clean, reason, cause } = await unseenEnd(machine);
  await recordExit(context, id, clean, reason, cause);
}

function tellOfBroken({ store }: VmContext, told: string[]): void {
  for (const { rows } of store.all) {
    for (const { id, name } of rows.broken()) {
      told.push(
        `${id}: its record cannot be read, perhaps since another banger wrote it; ${name} and its files are left alone`,
      );
    }
  }
}

/** A host that has lost nft(8) since must not lose its daemon too. */
async function settleNetworks(
  context: VmContext,
  vms: readonly VmOnNetwork[],
  alive: ReadonlySet<string>,
  told: string[],
): Promise<void> {
  try {
    told.push(...(await context.networks.settle(vms, alive, noteNetwork(context))));
  } catch (error) {
    context.log.error({ err: error }, "what was left of VMs' networks could not be removed");
    told.push(`networks could not be put in order: ${asBangerError(error).message}`);
  }
}
