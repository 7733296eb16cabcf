import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { asBangerError, hasErrno } from "../lib/errors.ts";
import { identifyProcess, isAlive, signalProcess } from "../lib/process.ts";
import { vmOnNetworkSchema, type Vm, type VmOnNetwork } from "../model/vm.ts";
import type { Intent } from "../store/intents.ts";
import { atRest } from "./vms/at-rest.ts";
import { forgetVm } from "./vms/delete-vm.ts";
import { sweepRefreshed } from "./images/image-folder.ts";
import { forgetOwnedKernels } from "./images/owned-kernel.ts";
import { settlePromotion } from "./images/promote-image.ts";
import { dropForeignDisks } from "./vms/rebase-vm.ts";
import { endMachine, recordExit } from "./vms/stop-vm.ts";
import { detachDisks } from "./vms/vm-disks.ts";
import type { VmContext } from "./vms/vm-context.ts";

/**
 * Puts the state in order after a daemon that died, or simply after the last one: VMMs that have ended are written down,
 * what was begun is finished or undone, what nobody owns is removed. Doing it twice changes nothing. VMMs that live are
 * taken back afterwards (take-back.ts): this asks none of them.
 *
 * @returns what was found and done, in words, for the log and `daemon status`.
 */
export async function recover(context: VmContext): Promise<string[]> {
  const told: string[] = [];
  const vms = context.store.vms.list();
  const broken = context.store.vms.broken();
  for (const { id } of broken)
    told.push(
      `${id}: its record cannot be read, perhaps since another banger wrote it; it and its files are left alone`,
    );
  for (const vm of vms) await recordEnded(context, vm, told);
  for (const intent of context.store.intents.open()) {
    await settle(context, intent, told);
    context.store.intents.end(intent);
  }
  // As many as have a record of a machine now: one that does not answer keeps its network, and so does one of which is not
  // known whether it runs.
  const running = context.store.vms.list().filter(({ machine }) => machine !== undefined);
  const readable = broken.flatMap(({ document }) => vmOnNetworkSchema.safeParse(document).data ?? []);
  const alive = new Set([...running, ...broken].map(({ id }) => id));
  await settleNetworks(context, [...vms, ...readable], alive, told);
  await sweep(context, told);
  for (const line of told) context.log.info({ recovery: line }, "recovered");
  return told;
}

/** A host that has lost nft(8) since must not lose its daemon too. */
async function settleNetworks(
  context: VmContext,
  vms: readonly VmOnNetwork[],
  alive: ReadonlySet<string>,
  told: string[],
): Promise<void> {
  try {
    told.push(...(await context.networks.settle(vms, alive)));
  } catch (error) {
    context.log.error({ err: error }, "what was left of VMs' networks could not be removed");
    told.push(`networks could not be put in order: ${asBangerError(error).message}`);
  }
}

/** Writes down which VMMs have ended. Those that live are taken back later, when the daemon answers already. */
async function recordEnded(context: VmContext, { id, name, machine }: Vm, told: string[]): Promise<void> {
  if (machine === undefined || (await isAlive(machine))) return;
  told.push(`VM ${name}: its VMM had ended`);
  await recordExit(context, id, false, "the VMM ended while no daemon ran");
}

/** Finishes or undoes what a daemon left half-done. */
async function settle(context: VmContext, intent: Intent, told: string[]): Promise<void> {
  const { store, layout } = context;
  const { kind, subject } = intent;
  switch (kind) {
    case "kernel.add":
      if (store.kernels.find(subject) !== undefined) return;
      await removeAll([join(layout.workDir, subject), join(layout.kernelsDir, subject)]);
      told.push("undid a kernel that was being added");
      return;
    case "image.add":
      for (const { id, builds } of store.vms.list()) if (builds === subject) await forgetVm(context, id);
      if (store.images.find(subject) !== undefined) return;
      await forgetOwnedKernels(context, subject);
      await removeAll([join(layout.workDir, subject), join(layout.imagesDir, subject)]);
      told.push("undid an image that was being added");
      return;
    case "kernel.delete":
      store.kernels.delete(subject);
      await removeAll([join(layout.kernelsDir, subject)]);
      told.push("finished deleting a kernel");
      return;
    case "image.promote":
      await settlePromotion(context, subject);
      told.push("settled an image that was being promoted");
      return;
    case "image.refresh":
      await sweepRefreshed(context, subject);
      told.push("settled an image that was being refreshed");
      return;
    case "image.delete":
      await forgetOwnedKernels(context, subject);
      store.images.delete(subject);
      await removeAll([join(layout.imagesDir, subject)]);
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

/** Ends VMMs that were started in the instant before a daemon died, so that no record knows them. */
async function endStrays(context: VmContext, vmId: string): Promise<void> {
  for (const driver of await context.drivers.all()) {
    for (const pid of await driver.strays(vmId)) {
      const identity = await identifyProcess(pid);
      if (identity !== undefined) await signalProcess(identity, "SIGKILL");
    }
  }
}

/** Removes what belongs to nothing: work in progress, and run folders and files of VMs that are no more. */
async function sweep(context: VmContext, told: string[]): Promise<void> {
  const { layout, store } = context;
  await removeAll((await entries(layout.workDir)).map((name) => join(layout.workDir, name)));
  const known = new Set([...store.vms.list().map((vm) => vm.id), ...store.vms.broken().map(({ id }) => id)]);
  const vmId = /^vm-[0-9a-z]{16}$/;
  const orphans = new Set(
    [...(await entries(layout.runDir)), ...(await entries(layout.vmsDir))].filter(
      (name) => vmId.test(name) && !known.has(name),
    ),
  );
  for (const id of orphans) {
    await endStrays(context, id);
    await detachDisks(id, undefined);
    await removeAll([join(layout.runDir, id), join(layout.vmsDir, id)]);
    told.push(`removed what was left of ${id}`);
  }
}

async function entries(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}

async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { recursive: true, force: true });
}
