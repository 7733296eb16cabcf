import type { ArgumentSpec } from "./command.ts";

/** Arguments that many commands share. */
export const VM_ARGUMENT = { name: "vm", names: "vm", help: "name or id of the VM" } as const satisfies ArgumentSpec;
export const VMS_ARGUMENT = {
  name: "vm",
  kind: "several",
  help: "names or ids of VMs",
} as const satisfies ArgumentSpec;
export const SESSION_ARGUMENT = { name: "session", help: "name of the session" } as const satisfies ArgumentSpec;
export const IMAGE_ARGUMENT = {
  name: "image",
  names: "image",
  help: "name or id of the image",
} as const satisfies ArgumentSpec;
export const VOLUME_ARGUMENT = {
  name: "volume",
  names: "volume",
  help: "name or id of the volume",
} as const satisfies ArgumentSpec;
export const KERNEL_ARGUMENT = {
  name: "kernel",
  names: "kernel",
  help: "name or id of the kernel",
} as const satisfies ArgumentSpec;
export const WORKSPACE_ARGUMENT = {
  name: "workspace",
  names: "workspace",
  help: "name or id of the workspace",
} as const satisfies ArgumentSpec;
