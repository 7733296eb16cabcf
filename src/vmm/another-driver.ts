import { BangerError } from "../lib/errors.ts";
import type { MachineRecord } from "../model/vm.ts";

/** What a driver says that is handed another's record: nobody who asks the set of drivers ever sees it. */
export function anotherDriver({ vmm, pid }: MachineRecord): BangerError {
  return new BangerError("INTERNAL", {
    what: `a machine of ${vmm} was handed to another driver`,
    fix: `report this; the process ${pid} was not touched`,
  });
}
