import { z } from "zod";
import { defineTable, holdsBy } from "../../core/table.ts";
import { describedFolders } from "../../model/layout.ts";
import { vmSchema, type Vm } from "../../model/vm.ts";
import { refuseVmStep, VM_STEPS } from "../../model/vm-states.ts";

/** As much of a VM as says what it needs. */
const needs = z.object({
  image: z.object({ id: z.string() }),
  kernel: z.object({ id: z.string() }),
  spec: z.object({ volumes: z.array(z.object({ id: z.string() })).default([]) }).optional(),
  disks: z.array(z.object({ strategy: z.string().default("qcow2"), base: z.object({ path: z.string() }).optional() })),
});

export const vmTable = defineTable({
  table: "vms",
  noun: "vm",
  singular: "VM",
  notFound: "VM_NOT_FOUND",
  listCommand: "banger vm list",
  schema: vmSchema,
  steps: VM_STEPS,
  refuse: (vm: Vm, step) => refuseVmStep(vm, step),
  holds: holdsBy(needs, ({ image, kernel, spec, disks }) => [
    { kind: "image", ref: image.id },
    { kind: "kernel", ref: kernel.id },
    ...(spec?.volumes ?? []).map(({ id }) => ({ kind: "volume", ref: id })),
    ...disks.flatMap(({ strategy, base }) => {
      if (base !== undefined) return [{ kind: "file", ref: base.path }];
      // Overlays of the first bangers do not say what they read from.
      return strategy === "qcow2" ? [{ kind: "files-of", ref: image.id }] : [];
    }),
  ]),
  folder: (layout) => describedFolders(layout).vms,
});
