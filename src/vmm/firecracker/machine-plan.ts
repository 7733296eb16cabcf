import { basename, join } from "node:path";
import { BangerError } from "../../lib/errors.ts";
import { aboutFields } from "../../model/fields/about-fields.ts";
import type { AgentLine } from "../../model/vm.ts";
import { AGENT_VSOCK_PORT } from "../agent-port.ts";
import { checkCommandLine } from "../check-command-line.ts";
import type { MachineDisk, MachineLimits, MachineSpec } from "../driver.ts";
import type { ProcessMark } from "../find-strays.ts";

/** One request to Firecracker's API (its firecracker.yaml). */
export interface ApiRequest {
  readonly method: "PUT" | "PATCH";
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The lines that Firecracker can give its guest. */
export type FirecrackerLine = Extract<AgentLine, { kind: "firecracker-vsock" }>;

/** All that is to be done to start a microVM, as data. */
export interface FirecrackerPlan {
  /** Names its socket from the run folder, as the vsock's request does: sun_path (unix(7)) holds that wherever it lies. */
  readonly argv: readonly string[];
  readonly runDir: string;
  /** In their order; with the last one the guest runs. */
  readonly requests: readonly ApiRequest[];
  readonly apiSocket: string;
  readonly line: FirecrackerLine;
  /** A FIFO that the guest's console is read from. */
  readonly consoleInput: string;
  /** A FIFO that Firecracker writes its metrics to. */
  readonly metrics: string;
  /** Firecracker's own log, and what it says before it has one. */
  readonly log: string;
  readonly errors: string;
}

/** Each microVM has a vsock of its own: the same number does for all (vsock(7): 3 is the first that is free). */
const GUEST_CID = 3;
const MIB = 1024 ** 2;
/** Rate limiters are refilled once a second: a second's worth may come at once. */
const REFILL_MS = 1_000;
/** What Firecracker adds to the command line for each device, ` virtio_mmio.device=4K@0xd0000000:5`, and for root and PCI. */
const MMIO_DEVICE_BYTES = 40;
const APPENDED_BYTES = " pci=off root=/dev/vda rw".length;
const ROOT_WORDS: ReadonlySet<string> = new Set(["root=/dev/vda", "rw"]);

/**
 * Turns what a VM is into Firecracker's words. Pure: same input, same plan.
 *
 * @throws BangerError `VMM_CANNOT` for what Firecracker has not; `VM_SPEC_INVALID` for a command line that does not fit.
 */
export function planFirecracker(spec: MachineSpec): FirecrackerPlan {
  refuseForeign(spec);
  const apiSocket = join(spec.runDir, "fc.sock");
  const line: FirecrackerLine = {
    kind: "firecracker-vsock",
    socketPath: join(spec.runDir, "v.sock"),
    port: AGENT_VSOCK_PORT,
  };
  const metrics = join(spec.runDir, "metrics.fifo");
  const log = join(spec.runDir, "firecracker.log");
  const devices: readonly ApiRequest[] = [
    ...spec.disks.map((disk) => driveRequest(disk, spec.limits)),
    ...networkRequests(spec),
    put("/vsock", { guest_cid: GUEST_CID, uds_path: basename(line.socketPath) }),
    put("/entropy", {}),
    // Never blown up: it gives the host back what its guest has freed.
    put("/balloon", { amount_mib: 0, deflate_on_oom: true, free_page_reporting: spec.keepsFreedMemory !== true }),
  ];
  return {
    // A log from the first moment on: until it has one, Firecracker writes to the guest's console.
    argv: ["--id", spec.id, "--api-sock", basename(apiSocket), "--log-path", log, "--level", "Info", "--show-level"],
    requests: [
      put("/metrics", { metrics_path: metrics }),
      put("/machine-config", { vcpu_count: spec.vcpus, mem_size_mib: Math.ceil(spec.memoryBytes / MIB) }),
      put("/boot-source", {
        kernel_image_path: spec.kernel.path,
        boot_args: bootArguments(spec, devices.length),
        ...(spec.kernel.initrdPath !== undefined && { initrd_path: spec.kernel.initrdPath }),
      }),
      ...devices,
      ...metadataRequests(spec),
      put("/actions", { action_type: "InstanceStart" }),
    ],
    runDir: spec.runDir,
    apiSocket,
    line,
    consoleInput: join(spec.runDir, "console.fifo"),
    metrics,
    log,
    errors: join(spec.runDir, "firecracker.err"),
  };
}

/** What a VM's Firecracker is known by in /proc: a jailer's words may stand between the two. */
export function firecrackerMark(vmId: string): ProcessMark {
  return { option: "--id", value: vmId, before: "--api-sock" };
}

function put(path: string, body: Readonly<Record<string, unknown>>): ApiRequest {
  return { method: "PUT", path, body };
}

function refuseForeign({ kernel, disks, network }: MachineSpec): void {
  const foreign = disks.find(({ format }) => format !== "raw");
  if (foreign !== undefined) {
    throw cannot(`Firecracker reads raw disks only, and the ${foreign.id} disk is ${foreign.format}`);
  }
  if (kernel.format !== "elf") throw cannot(`Firecracker boots ELF kernels only, and this one is ${kernel.format}`);
  if (network.mode === "user") throw cannot("Firecracker has no user-mode network of its own: it needs a TAP device");
}

function cannot(what: string): BangerError {
  return new BangerError("VMM_CANNOT", { what, fix: "create the VM with `vmm` qemu", data: aboutFields("vmm") });
}

/**
 * Our words take the place of Firecracker's own, so those of them that matter are said again: there is no PC's mouse to
 * wait for, a reboot goes by the keyboard controller, and ends Firecracker. `root=` is its own to add.
 */
function bootArguments({ kernel }: MachineSpec, devices: number): string {
  const words = [
    "console=ttyS0",
    "quiet",
    "reboot=k",
    "panic=1",
    "i8042.noaux",
    "i8042.nomux",
    "i8042.nopnp",
    "i8042.dumbkbd",
    // Which line the agent is to listen on (agent.proto).
    "banger.line=vsock",
    ...kernel.commandLine.filter((word) => !ROOT_WORDS.has(word)),
  ];
  return checkCommandLine(words.join(" "), devices * MMIO_DEVICE_BYTES + APPENDED_BYTES);
}

function driveRequest({ id, path, readOnly }: MachineDisk, limits: MachineLimits | undefined): ApiRequest {
  const bandwidth = limits?.diskBandwidth;
  return put(`/drives/${id}`, {
    drive_id: id,
    path_on_host: path,
    is_root_device: id === "root",
    is_read_only: readOnly,
    // Unsafe, its default, would let a guest's flush go nowhere.
    cache_type: "Writeback",
    ...(bandwidth !== undefined && { rate_limiter: limiter(bandwidth) }),
  });
}

function limiter(bytesPerSecond: number): object {
  return { bandwidth: { size: bytesPerSecond, refill_time: REFILL_MS } };
}

/** The guest's name for its card; Firecracker's ids know no dashes. */
const NIC = "eth0";

function networkRequests({ network, limits }: MachineSpec): readonly ApiRequest[] {
  if (network.mode !== "tap") return [];
  const bandwidth = limits?.netBandwidth;
  return [
    put(`/network-interfaces/${NIC}`, {
      iface_id: NIC,
      host_dev_name: network.device,
      guest_mac: network.mac,
      ...(bandwidth !== undefined && { rx_rate_limiter: limiter(bandwidth), tx_rate_limiter: limiter(bandwidth) }),
    }),
  ];
}

/** Metadata by MMDS, session-bound (V2), for software that looks for it: 169.254.169.254 leads there and nowhere else. */
function metadataRequests({ id, name, network }: MachineSpec): readonly ApiRequest[] {
  if (network.mode !== "tap") return [];
  return [
    put("/mmds/config", { version: "V2", network_interfaces: [NIC] }),
    put("/mmds", { latest: { "meta-data": { "instance-id": id, "local-hostname": name } } }),
  ];
}
