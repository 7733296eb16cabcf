import type { VmView } from "../../model/vm.ts";

export const WAIT_OPTION = {
  type: "string",
  value: "TARGET",
  help: "agent, system or healthy: how ready it is to be; agent unless told",
} as const;

/** Beside the state of a VM whose systemd was waited for and is degraded. */
export function failedUnits({ system }: Pick<VmView, "system">): string {
  if (system?.state !== "degraded") return "";
  return `, and its system degraded: ${system.failedUnits.join(" ")} failed`;
}
