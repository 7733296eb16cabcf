import { open, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { removeSocket } from "../../lib/destroy.ts";
import { BangerError } from "../../lib/errors.ts";
import { run } from "../../lib/process.ts";
import { isAlive, type ProcessIdentity } from "../../lib/process-identity.ts";
import type { MachineRecord } from "../../model/vm.ts";
import { checkFiles } from "../check-files.ts";
import { obstacleTo } from "../obstacle.ts";
import { checkNetwork } from "../check-network.ts";
import type { Driver, Machine, MachineSpec } from "../driver.ts";
import { readTail } from "../read-tail.ts";
import { clearSocketPath } from "../socket-path.ts";
import { firecrackerApi, type FirecrackerApi } from "./api.ts";
import { awaitListening } from "./await-socket.ts";
import { explainEnd, loggedFault } from "./exit-reason.ts";
import { firecrackerOwnSchema, type FirecrackerRecord } from "./firecracker-record.ts";
import { readOwnRecord } from "../own-record.ts";
import { firecrackerFinder, type FirecrackerBinary, type FirecrackerPlace } from "./firecracker-binary.ts";
import { firecrackerCheck } from "./firecracker-check.ts";
import { firecrackerMark, planFirecracker, type FirecrackerPlan } from "./machine-plan.ts";
import { firecrackerMachine } from "./machine.ts";
import { findStrays } from "../find-strays.ts";
import { startVmm, type FailedStart } from "../start-vmm.ts";
import { parseVersion } from "./version.ts";

const TITLE = "Firecracker";
const LOG_END_BYTES = 16 * 1024;
/** A drive's size is cut to whole sectors. */
const SECTOR_BYTES = 512;
/** Firecracker's own bound (its firecracker.yaml, MachineConfiguration). */
const MAX_VCPUS = 32;

/** Runs VMs by Firecracker, under KVM. */
export function createFirecrackerDriver(place: FirecrackerPlace): Driver {
  const find = firecrackerFinder(place);
  const summary = async (): Promise<string> => {
    const { path, version } = await find();
    return `${TITLE} ${version.text} at ${path}`;
  };
  return {
    name: "firecracker",
    title: TITLE,
    summary,
    checks: (host) => [firecrackerCheck(summary, host)],
    obstacle: (needs, abilities) => obstacleTo(needs, TITLE, abilities),
    abilities: async () => ({
      accel: "kvm",
      diskFormats: new Set(["raw"] as const),
      networks: new Set(["none", "tap"] as const),
      maxVcpus: MAX_VCPUS,
      needsVsock: true,
      pc: false,
      limits: { disk: true, net: true },
    }),
    start: async (spec, signal) => startMachine(await find(), spec, signal),
    attach: attachMachine,
    strays: (vmId) => findStrays(firecrackerMark(vmId)),
  };
}

async function startMachine(binary: FirecrackerBinary, spec: MachineSpec, signal: AbortSignal): Promise<Machine> {
  const plan = planFirecracker(spec);
  await checkFiles(spec);
  await checkNetwork(spec, signal);
  await checkSizes(spec);
  await makeWay(plan);
  signal.throwIfAborted();

  await run("mkfifo", ["-m", "600", "--", plan.consoleInput, plan.metrics]);
  // Its input is a FIFO, which it reads as it would a terminal. Opened for both: so it never ends, whoever comes to type and
  // goes. Its output, the guest's console, is appended to the log as it comes.
  await using input = await open(plan.consoleInput, "r+");
  await using output = await open(spec.consoleLog, "a", 0o600);
  const { argv, runDir, errors: log } = plan;
  const enter = spec.enter === undefined ? {} : { enter: spec.enter };
  return await startVmm(
    { title: TITLE, program: binary.path, argv, ...enter, runDir, log, input: input.fd, output: output.fd },
    {
      async take(child, identity, within) {
        const api = await configure(plan, within);
        const record = recordOf(binary, plan, spec, identity);
        return firecrackerMachine({ record, version: binary.version, api, child, leavings: leavingsOf(record) });
      },
      async clear() {
        for (const path of socketsAndFifos(plan))
          await removeSocket(path, "a socket or FIFO that this start made way for; its Firecracker has ended");
      },
      explain: (failed) => notStarted(failed, plan.log),
    },
    signal,
  );
}

/** Sends the plan's requests, one after another. */
async function configure(plan: FirecrackerPlan, within: AbortSignal): Promise<FirecrackerApi> {
  const api = firecrackerApi(plan.apiSocket);
  await awaitListening(plan.apiSocket, within);
  for (const request of plan.requests) await api.send(request, within);
  return api;
}

function recordOf(
  { version }: FirecrackerBinary,
  plan: FirecrackerPlan,
  spec: MachineSpec,
  identity: ProcessIdentity,
): FirecrackerRecord {
  return {
    vmm: "firecracker",
    version: version.text,
    accel: "kvm",
    machine: "firecracker",
    ...identity,
    controlSocket: plan.apiSocket,
    consoleLog: spec.consoleLog,
    line: plan.line,
    own: { consoleInput: plan.consoleInput },
  };
}

async function attachMachine(written: MachineRecord, signal: AbortSignal): Promise<Machine | undefined> {
  const record = readOwnRecord("firecracker", firecrackerOwnSchema, written);
  if (!(await isAlive(record))) return undefined;
  const api = firecrackerApi(record.controlSocket);
  const version = parseVersion(`Firecracker v${record.version}`);
  if (version === undefined) return undefined;
  try {
    await api.instance(signal);
  } catch (error) {
    signal.throwIfAborted();
    // It may have ended while we knocked.
    if (!(await isAlive(record))) return undefined;
    throw error;
  }
  return firecrackerMachine({ record, version, api, leavings: leavingsOf(record) });
}

function socketsAndFifos(plan: FirecrackerPlan): readonly string[] {
  return [plan.apiSocket, plan.line.socketPath, plan.consoleInput, plan.metrics];
}

function leavingsOf({ controlSocket, own, line }: FirecrackerRecord): readonly string[] {
  return [
    controlSocket,
    join(dirname(controlSocket), "metrics.fifo"),
    own.consoleInput,
    ...(line.kind === "firecracker-vsock" ? [line.socketPath] : []),
  ];
}

/** Firecracker removes neither its sockets nor ours, and does not start where one stands. */
async function makeWay(plan: FirecrackerPlan): Promise<void> {
  for (const path of [plan.apiSocket, plan.line.socketPath]) await clearSocketPath(path);
  for (const path of [plan.consoleInput, plan.metrics])
    await removeSocket(path, "a FIFO by its name of ours, in the VM's run folder, which is this start's");
}

/** What is left over of a whole sector Firecracker would cut off, with no more than a line in its log. */
async function checkSizes({ disks }: MachineSpec): Promise<void> {
  for (const { id, path } of disks) {
    const { size } = await stat(path);
    if (size % SECTOR_BYTES === 0) continue;
    throw new BangerError("VM_SPEC_INVALID", {
      what: `the ${id} disk is not made of whole sectors: ${path}`,
      why: `it has ${size} bytes, and Firecracker reads ${SECTOR_BYTES} at a time`,
      fix: `make it larger: truncate --size=%${SECTOR_BYTES} ${path}`,
    });
  }
}

/** A Firecracker that ends before it serves us says why in its log, its status, or on its standard error. */
async function notStarted({ said, cause, ...end }: FailedStart, logPath: string): Promise<unknown> {
  // It had not ended by itself: it refused a request, and the error tells which and why.
  if (end.signal === "SIGKILL") return cause;
  const log = await readTail(logPath, LOG_END_BYTES);
  const logged = loggedFault(log);
  const { reason } = explainEnd({ ...end, log, said, console: "" });
  return new BangerError("VMM_FAILED", {
    what: "Firecracker could not start the VM",
    why: logged === undefined || reason.includes(logged) ? reason : `${reason}; ${logged}`,
    fix: "if it names a file, check that; otherwise run `banger doctor`",
    cause,
  });
}
