import type { InitPolicy } from "../../../model/init-policy.ts";
import type { VmNetwork } from "../../../model/vm.ts";
import type { VmVolume } from "../../../model/volume.ts";

/** Path of the first program that a VM runs from its root disk. */
export const FIRST_BOOT_PATH = "/usr/local/libexec/banger-first-boot";

export interface BootIdentity {
  readonly hostname: string;
  /** 32 hex digits (machine-id(5)). */
  readonly machineId: string;
  readonly init: InitPolicy;
  readonly network: VmNetwork;
  /** The work disk, by the name that the guest gives it; absent: none. */
  readonly workDevice?: string;
  /** What is mounted beside the VM's own disks; each device by its name in the guest. */
  readonly volumes?: readonly (Pick<VmVolume, "path" | "readOnly"> & { readonly device: string })[];
  /** The disk with the kernel's modules, by its name in the guest; absent: none. */
  readonly modulesDevice?: string;
  /** Whether the image holds the same agent as the initramfs: then that one goes on, and need not start anew. */
  readonly sameAgent?: boolean;
}

/**
 * What a guest is told on its kernel command line (Documentation/admin-guide/kernel-parameters.rst, kernel-command-line(7)).
 * Both ways of setting an address are given: `ip=` for kernels with IP_PNP, `banger.ip=` for the agent where there is none.
 */
export function bootArguments(identity: BootIdentity): readonly string[] {
  return [
    "root=/dev/vda",
    "rootfstype=ext4",
    "rw",
    `init=${FIRST_BOOT_PATH}`,
    `systemd.machine_id=${identity.machineId}`,
    `banger.hostname=${identity.hostname}`,
    `banger.init=${identity.init}`,
    ...(identity.workDevice === undefined ? [] : [`banger.work=${identity.workDevice}`]),
    ...(identity.volumes ?? []).map(
      ({ device, path, readOnly }) => `banger.volume=${device}:${path}${readOnly ? ":ro" : ""}`,
    ),
    ...(identity.modulesDevice === undefined ? [] : [`banger.modules=${identity.modulesDevice}`]),
    ...(identity.sameAgent === true ? ["banger.same=1"] : []),
    ...networkArguments(identity),
  ];
}

function networkArguments({ hostname, network }: BootIdentity): readonly string[] {
  if (network.mode === "none") return [];
  const [address = "", prefixLength = "24"] = network.address.split("/");
  const [dns0 = "", dns1 = ""] = network.dns;
  return [
    // Documentation/admin-guide/nfs/nfsroot.rst: client:server:gateway:netmask:hostname:device:autoconf:dns0:dns1
    `ip=${address}::${network.gateway}:${netmask(Number(prefixLength))}:${hostname}:eth0:off:${dns0}:${dns1}`,
    `banger.ip=${network.address},${network.gateway}`,
    `banger.dns=${network.dns.join(",")}`,
    // systemd would rename eth0 behind the kernel's and the agent's back.
    "net.ifnames=0",
  ];
}

/** `24` → `255.255.255.0`. */
export function netmask(prefixLength: number): string {
  const mask = prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 0xff).join(".");
}
