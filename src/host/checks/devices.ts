import { access, constants } from "node:fs/promises";
import { hasErrno } from "../../lib/errors.ts";
import type { Finding, HostCheck } from "../../model/doctor.ts";

/** What each device is good for. None is needed by all VMs. */
const DEVICES: Readonly<Record<string, string>> = {
  "/dev/kvm": "hardware-assisted VMs",
  "/dev/net/tun": "networks of VMs",
  "/dev/vhost-vsock": "a vsock to the guest; a virtio-serial port serves where it is absent",
};

export const DEVICE_STATES = ["usable", "denied", "absent"] as const;
export type DeviceState = (typeof DEVICE_STATES)[number];

export const devicesCheck: HostCheck = {
  name: "devices",
  why: "VMs are faster, and can do more, with these devices of the host",
  essential: false,
  async look() {
    const states = Object.keys(DEVICES).map(async (path) => [path, await stateOf(path)] as const);
    return describeDevices(Object.fromEntries(await Promise.all(states)));
  },
};

export function describeDevices(states: Readonly<Record<string, DeviceState>>): Finding {
  const summary = Object.entries(states)
    .map(([path, state]) => `${path} ${state}`)
    .join(", ");
  const denied = Object.entries(states).find(([, state]) => state === "denied")?.[0];
  const data = { ...states };
  if (denied === undefined) return { result: "ok", summary, data };
  return {
    result: "warn",
    summary: `${summary} (${denied} is for ${DEVICES[denied] ?? "VMs"})`,
    // KVM's device has a group of its own on every distribution; the others are root's.
    fix: denied === "/dev/kvm" ? "sudo usermod -aG kvm $USER, then log in again" : `sudo chmod a+rw ${denied}`,
    data,
  };
}

async function stateOf(path: string): Promise<DeviceState> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
    return "usable";
  } catch (error) {
    return hasErrno(error, "ENOENT") ? "absent" : "denied";
  }
}
