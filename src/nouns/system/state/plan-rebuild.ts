import type { z } from "zod";
import { imageSchema, type Image } from "../../../model/image.ts";
import { kernelSchema, type Kernel } from "../../../model/kernel.ts";
import { vmSchema, type Vm } from "../../../model/vm.ts";
import { volumeSchema, type Volume } from "../../../model/volume.ts";
import type { Table } from "../../../store/peek-database.ts";
import { changed } from "../../../core/steps.ts";
import { atRest } from "../../vms/index.ts";

/** What one folder, or one row of the database that was there before, says of an object. */
export interface Told {
  readonly table: Table;
  readonly id: string;
  readonly path: string;
  readonly object: unknown;
  /** Why it says nothing, where it does not. */
  readonly why?: string;
}

/** The rows of a rebuilt state, as data. */
export interface RebuildPlan {
  readonly kernels: readonly Kernel[];
  readonly images: readonly Image[];
  readonly volumes: readonly Volume[];
  readonly vms: readonly Vm[];
  /** In words: what was renamed, what was left. */
  readonly notes: readonly string[];
}

/**
 * Decides what becomes of all that folders say of their objects. What does not read stays where it lies, and is told of.
 *
 * @param alive ids of VMs whose VMM runs still.
 */
export function planRebuild(told: readonly Told[], alive: ReadonlySet<string>): RebuildPlan {
  const notes: string[] = [];
  const of = <T extends { readonly id: string; readonly name: string; readonly createdAt: string }>(
    table: Table,
    word: string,
    schema: z.ZodType<T>,
  ): readonly T[] => {
    const objects: T[] = [];
    for (const entry of told) {
      if (entry.table !== table) continue;
      const parsed = schema.safeParse(entry.object);
      if (entry.why === undefined && parsed.success && parsed.data.id === entry.id) objects.push(parsed.data);
      else notes.push(`${entry.path} is left: ${entry.why ?? whyNot(parsed)}`);
    }
    return withNames(objects, word, notes);
  };
  const vms: Vm[] = [];
  for (const vm of of("vms", "VM", vmSchema)) {
    const settled = settleVm(vm, alive.has(vm.id));
    if (settled === undefined) notes.push(`VM ${vm.name} is left: it was only being created`);
    else vms.push(settled);
  }
  return {
    kernels: of("kernels", "kernel", kernelSchema),
    images: of("images", "image", imageSchema),
    volumes: of("volumes", "volume", volumeSchema),
    vms,
    notes,
  };
}

function whyNot(parsed: z.ZodSafeParseResult<unknown>): string {
  const [issue] = parsed.error?.issues ?? [];
  return issue === undefined ? "it calls itself by another id" : `${issue.path.join(".")}: ${issue.message}`;
}

/** Gives the younger of two of one name another. A name that is an id of something would be ambiguous too. */
function withNames<T extends { readonly id: string; readonly name: string; readonly createdAt: string }>(
  objects: readonly T[],
  word: string,
  notes: string[],
): readonly T[] {
  const taken = new Set(objects.map(({ id }) => id));
  return objects
    .toSorted((a, b) => a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id))
    .map((object) => {
      let name = object.name;
      for (let n = 2; taken.has(name); n += 1) name = `${object.name.slice(0, 50)}-${n}`;
      taken.add(name);
      if (name === object.name) return object;
      notes.push(`${word} ${object.id} is called ${name} now: another one is called ${object.name}`);
      return { ...object, name };
    });
}

/**
 * A VM as nobody is at it: whoever was has died with the state. One whose VMM lives is taken back by the daemon's next
 * start.
 *
 * @returns undefined for one that was never whole.
 */
function settleVm(vm: Vm, isAlive: boolean): Vm | undefined {
  if (vm.state === "creating") return undefined;
  if (vm.state === "deleting") {
    const what = "it was being deleted when the state was lost; what is left of it can be deleted again";
    const failure = { at: new Date().toISOString(), what, consoleTail: "" };
    return changed(vm, { ...atRest(vm), failure }, "failed");
  }
  if (!isAlive) {
    // A record that is kept has the next start write down that its VMM ended.
    if (vm.machine !== undefined) return { ...vm, state: "running" };
    return vm.state === "failed" ? vm : changed(vm, atRest(vm), "stopped");
  }
  return { ...vm, state: vm.state === "paused" || vm.state === "resuming" ? "paused" : "running" };
}
