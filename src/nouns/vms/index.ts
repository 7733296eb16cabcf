/** What nouns above may use of VMs. */
export { createVm } from "./create/create-vm.ts";
export { planNewVm } from "./create/plan-new-vm.ts";
export { forgetVm } from "./delete/delete-vm.ts";
export { endStrays, findStrays } from "./delete/end-strays.ts";
export { detachDisks } from "./disks/vm-disks.ts";
export type { Drivers } from "./drivers/drivers.ts";
export { installLog, pruneInstallLogs } from "./first-boot/install-logs.ts";
export { installSystem } from "./first-boot/install-system.ts";
export { planSystem } from "./first-boot/system-plan.ts";
export { systemScript } from "./first-boot/system-script.ts";
export type { Networks } from "./network/networks.ts";
export { startVm } from "./start/start-vm.ts";
export { atRest } from "./stop/at-rest.ts";
export { stopVm } from "./stop/stop-vm.ts";
export type { VmContext } from "./vm-context.ts";
export type { VmStore } from "./vm-store.ts";
