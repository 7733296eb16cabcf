import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { BangerError } from "../../lib/errors.ts";
import type { AgentLine } from "../../model/vm.ts";
import { aboutFields } from "../../model/fields/about-fields.ts";
import { AGENT_VSOCK_PORT } from "../agent-port.ts";
import type { MachineDisk, MachineSpec } from "../driver.ts";
import type { ProcessMark } from "../find-strays.ts";
import type { VmmStart } from "../start-vmm.ts";
import { acceleratorOption } from "./accelerator.ts";
import { kernelCommandLine } from "./command-line.ts";
import { type DevicePlaces, devicePlaces, type MachineType, MICROVM_ROOM } from "./device-places.ts";
import type { QemuHost } from "./qemu-host.ts";
import { optionString } from "./option-string.ts";
import { SANDBOX } from "./sandbox.ts";

/** As people know it. */
export const QEMU = "QEMU";

/** The virtio-serial port by which host and agent talk; the guest finds it in /dev/virtio-ports. */
export const AGENT_PORT_NAME = "banger.agent";

/** Where QEMU finds the control connection it is born with; 0 to 2 are standard input, output and error. */
export const BOOT_MONITOR_FD = 3;

const MIB = 1024 ** 2;

/** The lines that QEMU can give its guest. */
export type QemuLine = Exclude<AgentLine, { kind: "firecracker-vsock" }>;

/** All that is to be known to start QEMU, as data. */
export interface MachinePlan {
  readonly machine: MachineType;
  /** Names sockets from the run folder, so that sun_path (unix(7)) holds them wherever that lies. */
  readonly argv: readonly string[];
  readonly runDir: string;
  readonly controlSocket: string;
  readonly consoleSocket: string;
  readonly line: QemuLine;
  /** QEMU's own words: its standard output and error. */
  readonly vmmLog: string;
}

/**
 * Turns what a VM is into QEMU's arguments. Pure: same input, same plan.
 *
 * @throws BangerError `VMM_CANNOT` for a kernel that no machine of this driver boots; `VM_SPEC_INVALID` for a command line
 *         that does not fit.
 */
export function planMachine(spec: MachineSpec, host: QemuHost): MachinePlan {
  const line = planLine(spec, host);
  const machine = machineFor(spec, line);
  const places = devicePlaces(machine);
  const { place } = places;
  const controlSocket = join(spec.runDir, "qmp.sock");
  const consoleSocket = join(spec.runDir, "console.sock");
  const devices: readonly Option[] = [
    ...spec.disks.flatMap((disk) => diskOptions(disk, spec.limits?.diskBandwidth, place)),
    ...networkOptions(spec, place),
    ...lineOptions(line, place),
    ["-object", "rng-builtin,id=rng"],
    ["-device", place("virtio-rng", { rng: "rng" })],
    ...balloonOptions(spec, places),
  ];
  const deviceCount = devices.filter(([name]) => name === "-device").length;
  const options: readonly Option[] = [
    ["-name", optionString(guestName(spec.id), { "debug-threads": "on" })],
    ["-machine", machineOption(machine)],
    ["-accel", acceleratorOption(host.accel, spec.memoryBytes)],
    ["-cpu", host.accel === "kvm" ? "host" : "max"],
    ["-smp", String(spec.vcpus)],
    ["-m", `size=${Math.ceil(spec.memoryBytes / MIB)}M`],
    ["-nodefaults"],
    ["-no-user-config"],
    ["-display", "none"],
    ["-no-reboot"],
    ...(host.sandbox === true ? [["-sandbox", SANDBOX] as const] : []),
    ["-chardev", optionString("socket", { id: "boot", fd: BOOT_MONITOR_FD })],
    ["-mon", "chardev=boot,mode=control"],
    ["-chardev", socketServer("qmp", basename(controlSocket))],
    ["-mon", "chardev=qmp,mode=control"],
    ["-chardev", socketServer("console", basename(consoleSocket), { logfile: spec.consoleLog, logappend: "on" })],
    ["-serial", "chardev:console"],
    ["-kernel", spec.kernel.path],
    ...(spec.kernel.initrdPath === undefined ? [] : [["-initrd", spec.kernel.initrdPath] as const]),
    ["-append", kernelCommandLine([lineWord(line), ...spec.kernel.commandLine], machine, host, deviceCount)],
    ...devices,
  ];
  const argv = options.flatMap((option) => [...option]);
  return {
    machine,
    argv,
    runDir: spec.runDir,
    controlSocket,
    consoleSocket,
    line,
    vmmLog: join(spec.runDir, "qemu.log"),
  };
}

/** Which lines the agent is to listen on (agent.proto). */
function lineWord(line: QemuLine): string {
  return line.kind === "vhost-vsock" ? "banger.line=guarded" : "banger.line=serial";
}

/** An option of QEMU's command line with its value. */
type Option = readonly [name: string] | readonly [name: string, value: string];

/** How this plan's QEMU is started. @param enter words before its own, as MachineSpec has them. */
export function qemuStart(program: string, plan: MachinePlan, enter?: MachineSpec["enter"]): VmmStart {
  const { argv, runDir, vmmLog: log } = plan;
  // A "pipe" of Node's is one end of a pair of connected sockets: it is BOOT_MONITOR_FD.
  return { title: QEMU, program, argv, ...(enter !== undefined && { enter }), runDir, log, more: ["pipe"] };
}

/** What a VM's QEMU is known by in /proc. */
export function qemuMark(vmId: string): ProcessMark {
  return { option: "-name", value: guestName(vmId) };
}

/** The first word of `-name`. */
export function guestName(vmId: string): string {
  return `guest=${vmId}`;
}

function machineFor(spec: MachineSpec, line: QemuLine): MachineType {
  const { format, microvm, mpTable, pci } = spec.kernel;
  if (format === "arm64-image") {
    throw new BangerError("VMM_CANNOT", {
      what: "this kernel is for arm64, and QEMU is driven for x86-64 only",
      fix: "choose another kernel: see `banger kernel list`",
    });
  }
  if (!microvm || format !== "elf") return "q35";
  if (pci !== false && neededDevices(spec, line) > MICROVM_ROOM) return "q35";
  // Without ACPI a microvm names its CPUs in the MP table alone: a kernel that does not read it would run on one.
  if (mpTable !== false || spec.vcpus === 1) return "microvm";
  if (pci !== false) return "q35";
  throw new BangerError("VMM_CANNOT", {
    what: `this kernel would find one of ${spec.vcpus} CPUs`,
    why: "it reads no MP table (CONFIG_X86_MPPARSE), and has no PCI for a machine that needs none",
    fix: "give the VM one CPU (`vcpus` 1), or choose another kernel",
    data: aboutFields("vcpus"),
  });
}

/** Devices that a guest cannot do without: disks, network, what carries its line, and randomness. */
function neededDevices({ disks, network }: MachineSpec, { kind }: QemuLine): number {
  return disks.length + (network.mode === "none" ? 0 : 1) + (kind === "vhost-vsock" ? 2 : 1) + 1;
}

function machineOption(machine: MachineType): string {
  return machine === "microvm"
    ? // A guest under TCG needs the timers of old (pit, pic). PVH needs no option ROM to be loaded.
      "microvm,acpi=off,rtc=on,isa-serial=on,pit=on,pic=on,x-option-roms=off"
    : // Off is what our VMs have no use for, and a kernel would spend its time on.
      "q35,usb=off,vmport=off,sata=off,smbus=off,hpet=off";
}

function socketServer(id: string, path: string, more: Readonly<Record<string, string>> = {}): string {
  return optionString("socket", { id, path, server: "on", wait: "off", ...more });
}

/** Before a disk's id: the node that limits its bandwidth. */
const LIMITED = "limited-";

/** The disk that a node of QEMU's block layer is part of. */
export function diskOfNode(nodeName: string): string {
  return nodeName.startsWith(LIMITED) ? nodeName.slice(LIMITED.length) : nodeName;
}

function diskOptions(
  disk: MachineDisk,
  bandwidth: number | undefined,
  place: DevicePlaces["place"],
): readonly Option[] {
  // In JSON a path needs no escapes. The cache stays QEMU's writeback: a guest's flush reaches the disk.
  const blockdev = {
    driver: disk.format,
    "node-name": disk.id,
    "read-only": disk.readOnly,
    discard: "unmap",
    "detect-zeroes": "off",
    file: {
      // QEMU's `file` takes regular files only.
      driver: disk.node === "block-device" ? "host_device" : "file",
      filename: disk.path,
      "read-only": disk.readOnly,
    },
  };
  const plain: Option = ["-blockdev", JSON.stringify(blockdev)];
  if (bandwidth === undefined) return [plain, ["-device", place("virtio-blk", { drive: disk.id, serial: disk.id })]];
  // docs/throttle.txt of QEMU: a filter node of a group of its own between the disk and its device.
  const group = `limit-${disk.id}`;
  const drive = `${LIMITED}${disk.id}`;
  const throttle = { driver: "throttle", "node-name": drive, "throttle-group": group, file: disk.id };
  return [
    ["-object", JSON.stringify({ "qom-type": "throttle-group", id: group, limits: { "bps-total": bandwidth } })],
    plain,
    ["-blockdev", JSON.stringify(throttle)],
    ["-device", place("virtio-blk", { drive, serial: disk.id })],
  ];
}

function networkOptions({ network }: MachineSpec, place: DevicePlaces["place"]): readonly Option[] {
  if (network.mode === "none") return [];
  const card = { netdev: "net", mac: network.mac };
  if (network.mode === "tap") {
    const tap = { id: "net", ifname: network.device, script: "no", downscript: "no" };
    return [
      ["-netdev", optionString("tap", tap)],
      ["-device", place("virtio-net", { ...card, host_mtu: network.mtu })],
    ];
  }
  const [guest = ""] = network.address.split("/");
  const forwards = (network.publish ?? []).map(
    ({ hostAddress, hostPort, guestPort }) => `hostfwd=tcp:${hostAddress}:${hostPort}-${guest}:${guestPort}`,
  );
  return [
    // Without IPv6 on the host's side a guest that is offered it would try it first, and wait.
    ["-netdev", ["user,id=net,ipv6=off", ...forwards].join(",")],
    ["-device", place("virtio-net", card)],
  ];
}

function planLine(spec: MachineSpec, host: QemuHost): QemuLine {
  const socketPath = join(spec.runDir, "agent.sock");
  return host.vsockCid === undefined
    ? { kind: "virtio-serial", socketPath }
    : { kind: "vhost-vsock", cid: host.vsockCid, port: AGENT_VSOCK_PORT, secretSocketPath: socketPath };
}

/** The first context id that is a guest's (vsock(7)); the last 32-bit one stands for any. */
const VSOCK_FIRST_GUEST_CID = 3;

/** A VM's context id, by its id: two VMs share one about as often as two in a thousand million. */
export function vsockCid(vmId: string): number {
  return VSOCK_FIRST_GUEST_CID + (createHash("sha256").update(vmId).digest().readUInt32BE(0) >>> 1);
}

/** The unix socket of a line's virtio-serial port. */
export function serialSocketOf(line: AgentLine): string | undefined {
  if (line.kind === "virtio-serial") return line.socketPath;
  return line.kind === "vhost-vsock" ? line.secretSocketPath : undefined;
}

/** Any user of the host can connect to a guest's vsock: the secret comes by a port whose socket is the VM's user's alone. */
function lineOptions(line: QemuLine, place: DevicePlaces["place"]): readonly Option[] {
  const vsock: readonly Option[] =
    line.kind === "vhost-vsock" ? [["-device", place("vhost-vsock", { "guest-cid": line.cid })]] : [];
  const serialSocket = serialSocketOf(line);
  if (serialSocket === undefined) return vsock;
  return [
    ...vsock,
    ["-chardev", socketServer("agent", basename(serialSocket))],
    ["-device", place("virtio-serial", {})],
    ["-device", optionString("virtserialport", { chardev: "agent", name: AGENT_PORT_NAME })],
  ];
}

/** Gives the host back what its guest has freed (virtio 1.2, 5.5.6.7). A guest does without where there is no place left. */
function balloonOptions({ keepsFreedMemory }: MachineSpec, { place, hasRoom }: DevicePlaces): readonly Option[] {
  if (keepsFreedMemory === true || !hasRoom()) return [];
  return [["-device", place("virtio-balloon", { "free-page-reporting": "on" })]];
}
