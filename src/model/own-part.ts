/**
 * A machine's record as this banger keeps it: what its driver alone knows is an object of its own, `own`. Earlier ones had
 * that beside what all drivers know, and VMs that they started may run still. Pure.
 *
 * @param common names of what every driver's record has.
 */
export function gatherOwnPart(record: unknown, common: ReadonlySet<string>): unknown {
  if (typeof record !== "object" || record === null || Array.isArray(record) || "own" in record) return record;
  const fields = Object.entries(record);
  return {
    ...Object.fromEntries(fields.filter(([name]) => common.has(name))),
    own: Object.fromEntries(fields.filter(([name]) => !common.has(name))),
  };
}
