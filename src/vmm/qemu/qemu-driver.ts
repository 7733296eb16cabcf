import { access, constants, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Duplex } from "node:stream";
import { removeSocket } from "../../lib/destroy.ts";
import { BangerError, asBangerError } from "../../lib/errors.ts";
import type { LaunchedChild } from "../../lib/launch.ts";
import { isAlive, type ProcessIdentity } from "../../lib/process-identity.ts";
import { connectUnix } from "../../lib/unix-socket.ts";
import type { Accel, MachineRecord } from "../../model/vm.ts";
import { checkFiles } from "../check-files.ts";
import { obstacleTo } from "../obstacle.ts";
import { checkNetwork } from "../check-network.ts";
import type { Driver, Machine, MachineSpec } from "../driver.ts";
import { hostTscKhz } from "./host-tsc.ts";
import type { QemuHost } from "./qemu-host.ts";
import {
  BOOT_MONITOR_FD,
  planMachine,
  QEMU,
  qemuMark,
  qemuStart,
  serialSocketOf,
  vsockCid,
  type MachinePlan,
} from "./machine-plan.ts";
import { noteEvent, qemuMachine, type QemuEvents } from "./machine.ts";
import { findQemu, type QemuPlace } from "./qemu-binary.ts";
import { qemuCheck } from "./qemu-check.ts";
import { openQmp, type Qmp } from "./qmp.ts";
import { qemuOwnSchema, type QemuRecord } from "./qemu-record.ts";
import { readOwnRecord } from "../own-record.ts";
import { sandboxMemory, type SandboxMemory } from "./sandbox.ts";
import { clearSocketPath } from "../socket-path.ts";
import { findStrays } from "../find-strays.ts";
import { startVmm, type FailedStart } from "../start-vmm.ts";

const VMM_LOG_END_BYTES = 2 * 1024;
const VHOST_VSOCK = "/dev/vhost-vsock";

export interface QemuOptions extends QemuPlace {
  /** Where it is still to be found out, it is asked when a machine is started. */
  readonly accel: Accel | (() => Promise<Accel>);
}

/** Runs VMs by QEMU's system emulator for x86-64: hardware-assisted by KVM, or translated by TCG where there is none. */
export function createQemuDriver(options: QemuOptions): Driver {
  const sandboxes = sandboxMemory();
  const accel = async (): Promise<Accel> => (typeof options.accel === "function" ? options.accel() : options.accel);
  return {
    name: "qemu",
    title: QEMU,
    // Where it is missing its start says so, and how to install it.
    summary: async () => QEMU,
    obstacle: (needs, abilities) => obstacleTo(needs, QEMU, abilities),
    abilities: async () => ({
      accel: await accel(),
      diskFormats: new Set(["raw", "qcow2"] as const),
      networks: new Set(["none", "user", "tap"] as const),
      // vmSpecSchema's own bound; QEMU's microvm takes 288.
      maxVcpus: 64,
      needsVsock: false,
      pc: true,
      // QEMU has no bound for a network card; where its TAP is ours, tc-tbf(8) could be one.
      limits: { disk: true, net: false },
    }),
    checks: () => [qemuCheck(options)],
    start: async (spec, signal) => startMachine({ ...options, accel: await accel(), sandboxes }, spec, signal),
    attach: attachMachine,
    strays: (vmId) => findStrays(qemuMark(vmId)),
  };
}

interface StartOptions extends Omit<QemuOptions, "accel"> {
  readonly accel: Accel;
  readonly sandboxes: SandboxMemory;
}

async function startMachine(options: StartOptions, spec: MachineSpec, signal: AbortSignal): Promise<Machine> {
  const { accel, sandboxes } = options;
  const binary = await findQemu(options.qemuBin, options.searchPath);
  const sandbox = await sandboxes.isExpected(binary);
  try {
    return await startWith(binary, { accel, sandbox }, spec, signal);
  } catch (error) {
    if (!sandbox || asBangerError(error).code !== "VMM_FAILED" || !(await sandboxes.isMissing(binary))) throw error;
    return startWith(binary, { accel, sandbox: false }, spec, signal);
  }
}

async function startWith(
  binary: string,
  host: Pick<QemuHost, "accel" | "sandbox">,
  spec: MachineSpec,
  signal: AbortSignal,
): Promise<Machine> {
  const tscKhz = host.accel === "tcg" ? await hostTscKhz() : undefined;
  const plan = planMachine(spec, { ...host, ...(tscKhz !== undefined && { tscKhz }), ...(await vsockFor(spec)) });
  const sockets = socketsOf(plan);
  await checkFiles(spec);
  await checkNetwork(spec, signal);
  for (const path of sockets) await clearSocketPath(path);
  await createLog(spec.consoleLog);
  signal.throwIfAborted();

  return startVmm(
    qemuStart(binary, plan, spec.enter),
    {
      take: (child, identity, within) => takeControl(plan, spec, host.accel, { ...child, identity }, within),
      async clear() {
        for (const path of sockets)
          await removeSocket(path, "a socket that this start made way for; its QEMU has ended");
      },
      explain: async (failed) => notStarted(failed),
    },
    signal,
  );
}

/**
 * A vsock of the host's own where guest and host have it: quicker than a serial port, and of many connections. Its number
 * is the host's to share, so it is made of the VM's id.
 */
async function vsockFor({ id, kernel }: MachineSpec): Promise<Pick<QemuHost, "vsockCid">> {
  if (kernel.vsock !== true) return {};
  try {
    await access(VHOST_VSOCK, constants.R_OK | constants.W_OK);
    return { vsockCid: vsockCid(id) };
  } catch {
    return {};
  }
}

/** Waits until a QEMU that was just launched has its machine, and connects to it as any later daemon would. */
async function takeControl(
  plan: MachinePlan,
  spec: MachineSpec,
  accel: Accel,
  { identity, ...child }: LaunchedChild & { readonly identity: ProcessIdentity },
  signal: AbortSignal,
): Promise<Machine> {
  const monitor = child.stdio[BOOT_MONITOR_FD];
  if (!(monitor instanceof Duplex))
    throw new BangerError("INTERNAL", { what: "QEMU has no control connection", fix: "start the VM again" });
  const boot = await openQmp(monitor, () => {}, signal);
  const events: QemuEvents = {};
  const qmp = await connectQmp(plan.controlSocket, events, signal);
  boot.close();
  const { major, minor, micro } = qmp.version;
  const record: QemuRecord = {
    vmm: "qemu",
    version: `${major}.${minor}.${micro}`,
    accel,
    machine: plan.machine,
    ...identity,
    controlSocket: plan.controlSocket,
    consoleLog: spec.consoleLog,
    line: plan.line,
    own: { consoleSocket: plan.consoleSocket },
  };
  return qemuMachine({
    record,
    qmp,
    events,
    child,
    vmmLog: plan.vmmLog,
    sockets: socketsOf({ ...record, ...record.own }),
  });
}

function connectQmp(path: string, events: QemuEvents, signal: AbortSignal): Promise<Qmp> {
  return openQmp(connectUnix(path), (event) => noteEvent(events, event), signal);
}

async function attachMachine(written: MachineRecord, signal: AbortSignal): Promise<Machine | undefined> {
  const record = readOwnRecord("qemu", qemuOwnSchema, written);
  if (!(await isAlive(record))) return undefined;
  const events: QemuEvents = {};
  let qmp: Qmp;
  try {
    qmp = await connectQmp(record.controlSocket, events, signal);
  } catch (error) {
    signal.throwIfAborted();
    // It may have ended while we knocked.
    if (!(await isAlive(record))) return undefined;
    throw error;
  }
  const vmmLog = join(dirname(record.controlSocket), "qemu.log");
  return qemuMachine({ record, qmp, events, vmmLog, sockets: socketsOf({ ...record, ...record.own }) });
}

function socketsOf({
  controlSocket,
  consoleSocket,
  line,
}: Pick<MachinePlan, "controlSocket" | "consoleSocket"> & Pick<MachineRecord, "line">): readonly string[] {
  const serialSocket = serialSocketOf(line);
  return [controlSocket, consoleSocket, ...(serialSocket === undefined ? [] : [serialSocket])];
}

async function createLog(path: string): Promise<void> {
  await (await open(path, "a", 0o600)).close();
}

/** A QEMU that ends before it serves us has said why on its standard error. */
function notStarted({ said, cause }: FailedStart): unknown {
  if (asBangerError(cause).code !== "VMM_FAILED" || said === "") return cause;
  return new BangerError("VMM_FAILED", {
    what: "QEMU could not start the VM",
    why: said.slice(-VMM_LOG_END_BYTES),
    fix: "if it names a file, check that; otherwise run `banger doctor`",
    cause,
  });
}
