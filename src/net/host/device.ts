import { createHash } from "node:crypto";

/** What all our devices begin with, so that a firewall can name them together: `bgr-*`. */
export const DEVICE_PREFIX = "bgr-";

/** Name of a VM's device: 15 characters, the most that Linux takes (IFNAMSIZ), 55 of its id's 80 random bits. */
export function deviceName(vmId: string): string {
  return DEVICE_PREFIX + vmId.slice(-11);
}

/** Which banger something on this host belongs to: several may run, each with a state folder of its own. */
export function instanceOf(stateDir: string): string {
  return createHash("sha256").update(stateDir).digest("hex").slice(0, 8);
}

/** What a device says of its owner (`ip link set … alias`). */
export function deviceAlias(instance: string, vmId: string): string {
  return `banger/${instance}/${vmId}`;
}

/** The VM that a device of this instance belongs to; undefined for another's. */
export function aliasOwner(instance: string, alias: string): string | undefined {
  const [, vmId] = new RegExp(`^banger/${instance}/(vm-[0-9a-z-]+)$`).exec(alias) ?? [];
  return vmId;
}
