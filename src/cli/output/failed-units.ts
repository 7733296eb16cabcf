import type { VmView } from "../../model/vm.ts";

/** Beside the state of a VM whose systemd was waited for and is degraded. */
export function failedUnits({ system }: Pick<VmView, "system">): string {
  if (system?.state !== "degraded") return "";
  return `, and its system degraded: ${system.failedUnits.join(" ")} failed`;
}
