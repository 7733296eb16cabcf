import {
  type Balloon,
  type BootSource,
  type Configuration,
  type Drive,
  type MachineConfiguration,
  type MmdsConfig,
  type NetworkInterface,
  placed,
  type Vsock,
} from "./configuration.ts";

/** As `GET /` names them. */
export type Phase = "Not started" | "Running" | "Paused";

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** What is to be done for a request that the rules allow. */
export type Effect =
  | { readonly kind: "start" | "pause" | "resume" | "ctrl-alt-del" | "flush-metrics" | "answer" }
  | { readonly kind: "open-log" | "open-metrics" | "listen-vsock"; readonly path: string }
  | { readonly kind: "none" };

export type Verdict = { readonly fault: string } | { readonly configuration: Configuration; readonly effect: Effect };

const POST_BOOT = "The requested operation is not supported after starting the microVM.";
const PRE_BOOT = "The requested operation is not supported before starting the microVM.";
const BAD_ID = "API Resource IDs can only contain alphanumeric characters and underscores.";

/** Requests that only a machine that has not started takes, and those that only one that has. */
const BEFORE =
  /^(?:PUT \/(?:boot-source|logger|metrics|serial|machine-config|cpu-config|vsock|balloon|entropy|mmds\/config|hotplug\/memory|snapshot\/load|drives\/.*|pmem\/.*|network-interfaces\/.*)|PATCH \/machine-config)$/;
const AFTER =
  /^(?:PATCH \/(?:vm|balloon.*|drives\/.*|network-interfaces\/.*|hotplug\/memory)|PUT \/snapshot\/create|GET \/(?:hotplug\/memory|balloon\/.*))$/;

/** Devices that can be plugged in while a guest runs, from 1.16 on, if it was started with PCI. */
const PLUGGED = /^(?:PUT|DELETE) \/(?:drives|pmem|network-interfaces)\//;
const NO_PCI = "PCI is not enabled";
const PLUGS_SINCE = 16;
const MAX_CID = 2 ** 32 - 1;
/** CMDLINE_MAX_SIZE of x86, with the final NUL. */
const MAX_BOOT_ARGS = 2047;
const IFNAMSIZ = 16;

/** What is looked up on the host for a verdict. */
export interface HostFiles {
  /** Whether a file can be opened; Firecracker looks at once. */
  readable(path: string): boolean;
  isFolder(path: string): boolean;
}

/**
 * What Firecracker would make of a request in this phase: the rules that its description cannot express. Pure.
 *
 * @param minor the release of 1.x that is stood in for.
 */
export function judge(
  phase: Phase,
  configuration: Configuration,
  request: Request,
  files: HostFiles,
  minor: number,
): Verdict {
  const { method, path, body } = request;
  const asked = `${method} ${path}`;
  if (phase !== "Not started" && minor >= PLUGS_SINCE && PLUGGED.test(asked)) return { fault: NO_PCI };
  if (phase !== "Not started" && BEFORE.test(asked)) return { fault: POST_BOOT };
  if (phase === "Not started" && AFTER.test(asked)) return { fault: PRE_BOOT };
  const [noun = "", id] = path.split("/").slice(1);
  const keep = (changes: Partial<Configuration>, effect: Effect = { kind: "none" }): Verdict => ({
    configuration: { ...configuration, ...changes },
    effect,
  });
  if (method === "GET") return keep({}, { kind: "answer" });
  switch (noun) {
    case "logger":
      return keep({}, opening("open-log", (body as { log_path?: string }).log_path));
    case "metrics": {
      if (configuration.metrics !== undefined)
        return { fault: "Metrics error: Metrics system was already initialized." };
      const metrics = body as { metrics_path: string };
      return keep({ metrics }, { kind: "open-metrics", path: metrics.metrics_path });
    }
    case "serial":
      return keep({ serial: body as { serial_out_path?: string } });
    case "machine-config":
      return machine(configuration, request, keep);
    case "boot-source": {
      const boot = body as BootSource;
      const missing = [boot.kernel_image_path, boot.initrd_path].find(
        (file) => file !== undefined && !files.readable(file),
      );
      if (Buffer.byteLength(boot.boot_args ?? "") > MAX_BOOT_ARGS) {
        return { fault: "Boot source error: The kernel command line is invalid: Command line string overflows." };
      }
      return missing === undefined
        ? keep({ boot })
        : {
            fault: `Boot source error: The kernel file cannot be opened: No such file or directory (os error 2): ${missing}`,
          };
    }
    case "drives":
      return method === "PUT" ? drive(configuration, id ?? "", body as Drive, files, keep) : unknown(asked);
    case "network-interfaces":
      return method === "PUT" ? nic(configuration, id ?? "", body as NetworkInterface, keep) : unknown(asked);
    case "vsock": {
      const vsock = body as Vsock;
      if (vsock.guest_cid < 0 || vsock.guest_cid > MAX_CID) return { fault: outOfRange(vsock.guest_cid, "u32") };
      // Its socket is bound already; one at another path is bound anew.
      if (configuration.vsock?.uds_path === vsock.uds_path) return keep({ vsock });
      return keep({ vsock }, { kind: "listen-vsock", path: vsock.uds_path });
    }
    case "entropy":
      return keep({ entropy: body as Configuration["entropy"] & object });
    case "balloon":
      return balloon(configuration, request, keep);
    case "mmds":
      return mmds(configuration, request, id, keep);
    case "cpu-config":
    case "pmem":
    case "hotplug":
      // Right as it is; the machine behind us has none of it.
      return keep({});
    case "actions":
      return action(phase, configuration, (body as { action_type: string }).action_type, keep);
    case "vm":
      return keep({}, { kind: (body as { state: string }).state === "Paused" ? "pause" : "resume" });
    default:
      return unknown(asked);
  }
}

type Keep = (changes: Partial<Configuration>, effect?: Effect) => Verdict;

/** Right as it may be, this stand-in does not do it: said so, and not accepted in silence. */
function unknown(asked: string): Verdict {
  return { fault: `The stand-in for Firecracker does not know ${asked}` };
}

function opening(kind: "open-log", path: string | undefined): Effect {
  return path === undefined ? { kind: "none" } : { kind, path };
}

function machine(configuration: Configuration, { method, body }: Request, keep: Keep): Verdict {
  const asked = body as MachineConfiguration;
  const next = method === "PATCH" ? { ...configuration.machine, ...asked } : asked;
  if (next.vcpu_count < 1 || next.vcpu_count > 32 || (next.smt === true && next.vcpu_count % 2 === 1)) {
    return { fault: "Machine config error: The vCPU number is invalid!" };
  }
  if (next.huge_pages === "2M" && next.mem_size_mib % 2 === 1) {
    return { fault: "Machine config error: The memory size (MiB) is invalid." };
  }
  if (next.mem_size_mib < 1) return { fault: "Machine config error: The memory size (MiB) is invalid." };
  return keep({ machine: next });
}

function drive({ drives }: Configuration, id: string, body: Drive, files: HostFiles, keep: Keep): Verdict {
  const fault = idFault(id, body.drive_id);
  if (fault !== undefined) return { fault };
  if (body.socket !== undefined) return { fault: "Drive config error: Invalid block device configuration" };
  if (files.isFolder(body.path_on_host)) {
    return { fault: `Drive config error: Error manipulating the backing file: Is a directory ${body.path_on_host}` };
  }
  if (!files.readable(body.path_on_host)) {
    return {
      fault: `Drive config error: Error manipulating the backing file: No such file or directory (os error 2) ${body.path_on_host}`,
    };
  }
  if (body.is_root_device && drives.some((other) => other.is_root_device && other.drive_id !== id)) {
    return { fault: "Drive config error: A root block device already exists!" };
  }
  return keep({ drives: placed(drives, body, (item) => item.drive_id) });
}

function nic({ nics }: Configuration, id: string, body: NetworkInterface, keep: Keep): Verdict {
  const fault = idFault(id, body.iface_id);
  if (fault !== undefined) return { fault };
  if (Buffer.byteLength(body.host_dev_name) >= IFNAMSIZ) {
    return { fault: "Network config error: Open tap device failed: Invalid TUN/TAP Interface name." };
  }
  if (body.guest_mac !== undefined && !/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(body.guest_mac)) {
    return { fault: `An error occurred when deserializing the json body of a request: invalid MAC address.` };
  }
  const twin = nics.find((other) => other.iface_id !== id && other.guest_mac === body.guest_mac);
  if (twin !== undefined && body.guest_mac !== undefined) {
    return { fault: `Network config error: The MAC address is already in use: ${body.guest_mac}` };
  }
  return keep({ nics: placed(nics, body, (item) => item.iface_id) });
}

function balloon({ machine }: Configuration, { method, path, body }: Request, keep: Keep): Verdict {
  if (method !== "PUT") return unknown(`${method} ${path}`);
  const asked = body as Balloon;
  if (asked.amount_mib < 0) return { fault: outOfRange(asked.amount_mib, "u32") };
  if (asked.amount_mib > machine.mem_size_mib) {
    return { fault: "Balloon config error: Amount of pages requested is too large." };
  }
  return keep({ balloon: asked });
}

function mmds(
  { nics, mmds: stored }: Configuration,
  { method, body }: Request,
  below: string | undefined,
  keep: Keep,
): Verdict {
  if (below === undefined) {
    if (method === "PATCH" && stored === undefined) return { fault: "The MMDS data store is not initialized." };
    return keep({ mmds: body });
  }
  const mmdsConfig = body as MmdsConfig;
  const { network_interfaces: wanted, ipv4_address: address } = mmdsConfig;
  if (address !== undefined && !address.startsWith("169.254.")) {
    return { fault: "MMDS config error: The MMDS IPv4 address is not link local." };
  }
  if (wanted.length === 0 || wanted.some((id) => nics.every((known) => known.iface_id !== id))) {
    return {
      fault:
        "MMDS config error: The list of network interface IDs provided contains at least one ID that does not correspond to any existing network interface.",
    };
  }
  return keep({ mmdsConfig });
}

function action(phase: Phase, configuration: Configuration, type: string, keep: Keep): Verdict {
  if (type === "InstanceStart") {
    if (phase !== "Not started") return { fault: POST_BOOT };
    if (configuration.boot === undefined) {
      return { fault: "Start microvm error: Cannot start microvm without kernel configuration." };
    }
    return keep({}, { kind: "start" });
  }
  if (phase === "Not started") return { fault: PRE_BOOT };
  return keep({}, { kind: type === "SendCtrlAltDel" ? "ctrl-alt-del" : "flush-metrics" });
}

function outOfRange(value: number, type: string): string {
  return `An error occurred when deserializing the json body of a request: invalid value: integer \`${value}\`, expected ${type}.`;
}

/** Ids of devices are letters, digits and `_`, and stand in the path and the body alike. */
function idFault(inPath: string, inBody: string): string | undefined {
  if (inPath === "") return "The ID cannot be empty.";
  if (!/^[A-Za-z0-9_]+$/.test(inPath)) return BAD_ID;
  return inPath === inBody
    ? undefined
    : `The id from the path [${inPath}] does not match the id from the body [${inBody}]!`;
}
