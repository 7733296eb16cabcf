import type { z } from "zod";
import { BangerError } from "../lib/errors.ts";
import type { MachineRecord, Vmm } from "../model/vm.ts";

/** A machine's record whose driver's part has been read. */
export type RecordWith<Own> = Omit<MachineRecord, "own"> & { readonly own: Own };

/**
 * Reads the part of a record that is its driver's own.
 *
 * @throws BangerError `INTERNAL` for another driver's record, which nobody who asks the set of drivers ever hands on;
 *         `RECORD_BROKEN` where this driver cannot read its part.
 */
export function readOwnRecord<Own>(driver: Vmm, schema: z.ZodType<Own>, record: MachineRecord): RecordWith<Own> {
  const { vmm, pid } = record;
  if (vmm !== driver) {
    throw new BangerError("INTERNAL", {
      what: `a machine of ${vmm} was handed to another driver`,
      fix: `report this; the process ${pid} was not touched`,
    });
  }
  const read = schema.safeParse(record.own);
  if (read.success) return { ...record, own: read.data };
  const [issue] = read.error.issues;
  throw new BangerError("RECORD_BROKEN", {
    what: `the record of the VMM with pid ${pid} cannot be read`,
    why: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not as expected"}`,
    fix: "use the banger that started the VM, or end the VM with `banger vm stop --force`",
    data: { pid },
  });
}
