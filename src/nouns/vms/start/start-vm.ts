import type { AgentClient } from "../../../guest/agent-client.ts";
import { bytes } from "../../../lib/bytes.ts";
import { untilAborted, withDeadline } from "../../../lib/deadline.ts";
import { removeFile, removeTree } from "../../../lib/destroy.ts";
import { BangerError } from "../../../lib/errors.ts";
import { ensurePrivateDirectory } from "../../../lib/private-directory.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import { vmRunDir } from "../../../model/layout.ts";
import { isInitramfsOf } from "../../../kernel/initramfs.ts";
import type { InitPolicy } from "../../../model/init-policy.ts";
import type { Vm, VmSpec } from "../../../model/vm.ts";
import type { VmReboots } from "../../../model/vm-boots.ts";
import { ofOwnAccord } from "../../../core/cause.ts";
import { intentKind, withIntent } from "../../../core/intents.ts";
import type { MachineLimits, MachineSpec } from "../../../vmm/driver.ts";
import { checkUserFiles } from "../../images/index.ts";
import { attendGuest, meetGuest } from "../guest/attend-guest.ts";
import { agentConnector, introduce } from "../guest/agent-connection.ts";
import { renewAgentSecret } from "../guest/agent-secret.ts";
import { bootArguments } from "./boot-arguments.ts";
import { withCleanRoot } from "./clean-root.ts";
import { bootClock, watchConsole, type BootClock } from "../logs/boot-watch.ts";
import { consoleLogPath } from "../logs/console-log.ts";
import { followHostDisk } from "../pause/follow-host-disk.ts";
import { giveWorld } from "../guest/give-world.ts";
import { followVmmStops } from "../live/note-stall.ts";
import { standsStill } from "../live/stall.ts";
import { installInVm, needsInstallation } from "../first-boot/install-in-vm.ts";
import { liveVm, type GuestFacts, type LiveVm } from "../live/live-vms.ts";
import { servicesOf } from "../ready/declared-readiness.ts";
import { followVmService, startVmService } from "../commands/vm-service-command.ts";
import { startFailed } from "./start-failed.ts";
import { endMachine, noteExit, OVERDUE_GRACE_MS } from "../stop/stop-vm.ts";
import { startAgainBy } from "../stop/start-again.ts";
import { noteNetwork } from "../network/note-network.ts";
import { checkVolumesClean, checkVolumesFree, volumeDisks } from "../disks/vm-volumes.ts";
import { attachDisks, deviceName, modulesDiskOf } from "../disks/vm-disks.ts";
import { watchHealth } from "../pause/watch-health.ts";
import type { VmContext } from "../vm-context.ts";

/** Settled as a stop is: a start without its daemon has lost who waited for it. */
export const VM_START = intentKind("vm.start");

/**
 * Starts a VM and waits until its agent has answered. When that fails no VMM is left; the VM is `failed` with the stage
 * it stopped in, or `stopped` again if the start was cancelled.
 *
 * @param reboots where the guest itself has asked for this start.
 * @throws BangerError `VM_WRONG_STATE`; `VM_START_FAILED` with stage, time and the console's end; what the driver throws.
 */
export async function startVm(
  context: VmContext,
  vm: Vm,
  { signal, progress }: OperationContext,
  reboots?: VmReboots,
): Promise<Vm> {
  context.store.vms.check(vm, "starting");
  await withCleanRoot(context, vm, { signal, progress });
  return withIntent(
    context.store.intents,
    VM_START,
    vm.id,
    async () => {
      checkVolumesFree(context, vm);
      const starting = context.store.vms.transition(vm.id, "starting", {
        failure: undefined,
        bootId: undefined,
        system: undefined,
        reboots,
        timings: { stages: {} },
      });
      let clock = bootClock(vm.name, progress);
      try {
        if (!needsInstallation(starting)) return await boot(context, starting, clock, signal);
        const machine = await bringUp(context, starting, "agent", clock, signal);
        const installed = await installInVm(context, starting, machine.live, { signal, progress });
        clock = bootClock(vm.name, progress);
        return await boot(context, installed, clock, signal);
      } catch (error) {
        await endMachine(context, vm.id, OVERDUE_GRACE_MS);
        throw await startFailed(context, vm, clock, error);
      }
    },
    async () => {},
  );
}

async function boot(context: VmContext, vm: Vm, clock: BootClock, signal: AbortSignal): Promise<Vm> {
  let services: Pick<Vm, "services"> = {};
  let guest: GuestFacts | undefined;
  const { live } = await bringUp(context, vm, vm.spec.init, clock, signal, {
    async prepare(agent, within) {
      guest = await meetGuest(agent, within);
      await startVmService(context, vm, agent, within);
    },
    async complete(agent, within) {
      services = await servicesOf(context, vm, agent, within);
    },
  });
  clock.finish();
  if (guest !== undefined) live.guest = guest;
  const running = context.store.vms.transition(vm.id, "started", {
    ...services,
    ...(live.guest?.bootId !== undefined && { bootId: live.guest.bootId }),
    timings: { stages: clock.stages, readyMs: clock.elapsedMs },
  });
  ofOwnAccord(() => {
    followVmService(context, vm.id, live);
    watchHealth(context, vm.id, live);
    attendGuest(context, vm.id, live);
  });
  return running;
}

/** What else a guest is asked before it counts as ready. */
interface Manners {
  /** Once it knows who it is; within the start's limit. */
  readonly prepare?: (agent: AgentClient, within: AbortSignal) => Promise<void>;
  /** After that, with a limit of its own. */
  readonly complete?: (agent: AgentClient, signal: AbortSignal) => Promise<void>;
}

/** Runs a VM's machine until its agent has answered and knows who it is, within the start's limit. */
async function bringUp(
  context: VmContext,
  planned: Vm,
  init: InitPolicy,
  clock: BootClock,
  signal: AbortSignal,
  manners: Manners = {},
): Promise<{ readonly live: LiveVm }> {
  const runDir = vmRunDir(context.layout, planned.id);
  await removeTree(context.layout.runDir, planned.id, "named by the open intent vm.start; no machine of it lives");
  await ensurePrivateDirectory(runDir);
  // Each start writes its own log: an old panic must not be taken for a new one.
  await removeFile(consoleLogPath(context, planned.id), "the VM's own log of the boot before");
  await checkBases(context, planned);
  const { network, enter } = await context.networks.raise(planned, signal, noteNetwork(context));
  const vm: Vm = { ...planned, network };
  const spec = { ...(await machineSpec(context, vm, init, runDir, signal)), ...(enter !== undefined && { enter }) };
  const { vmm, reason } = await context.drivers.explain(vm, spec.kernel);
  const driver = await context.drivers.of({ vmm });
  await renewAgentSecret(spec.consoleLog);
  clock.enter("vmm");
  const limitMs = context.config.vm.start_timeout * 1000;
  const until = performance.now() + limitMs;
  const machine = await withDeadline(signal, limitMs, `${vmm} to start`, (within) => driver.start(spec, within));
  clock.enter("kernel");
  const live = liveVm(machine, agentConnector(context));
  context.live.set(vm.id, live);
  const startedAt = new Date().toISOString();
  const booting = context.store.vms.transition(vm.id, "launched", {
    vmmReason: reason,
    machine: machine.record,
    startedAt,
  });
  ofOwnAccord(() => {
    noteExit(context, vm.id, machine, startAgainBy(startVm));
    followVmmStops(context, vm.id, live);
    followHostDisk(context, vm.id, live);
  });
  await awaitAgent(context, booting, { live, clock, until, ...manners }, signal);
  return { live };
}

/** What an overlay reads from must be what it was made over. */
async function checkBases({ store }: VmContext, vm: Vm): Promise<void> {
  const image = store.images.find(vm.image.id);
  if (image !== undefined && vm.disks.some(({ base }) => base !== undefined)) await checkUserFiles(image);
}

async function machineSpec(
  context: VmContext,
  vm: Vm,
  init: InitPolicy,
  runDir: string,
  signal: AbortSignal,
): Promise<MachineSpec> {
  const { modulesDisk, ...kernel } = await context.kernels.bootable(vm.kernel.id, signal);
  const workDevice = vm.disks.find(({ id }) => id === "work")?.device;
  const own = await attachDisks(vm);
  await checkVolumesClean(vm, context.volumes);
  const volumes = volumeDisks(vm, context.volumes);
  const disks = [...own, ...volumes, ...(modulesDisk === undefined ? [] : [modulesDiskOf(modulesDisk)])];
  const modulesDevice = modulesDisk && deviceName(disks.length - 1);
  const mounts = vm.spec.volumes.map((volume, index) => ({ ...volume, device: deviceName(own.length + index) }));
  return {
    id: vm.id,
    name: vm.name,
    runDir,
    consoleLog: consoleLogPath(context, vm.id),
    vcpus: vm.spec.vcpus,
    memoryBytes: bytes(vm.spec.memoryBytes),
    kernel: {
      ...kernel,
      commandLine: bootArguments({
        hostname: vm.name,
        machineId: vm.machineId,
        init,
        network: vm.network,
        sameAgent: sharesAgent(context, vm, kernel.initrdPath),
        ...(workDevice !== undefined && { workDevice }),
        volumes: mounts,
        ...(modulesDevice !== undefined && { modulesDevice }),
      }),
    },
    disks,
    network: vm.network,
    limits: limitsOf(vm.spec),
  };
}

function sharesAgent(context: VmContext, vm: Vm, initrdPath: string | undefined): boolean {
  const agentDigest = context.store.images.find(vm.image.id)?.agentDigest;
  return initrdPath !== undefined && agentDigest !== undefined && isInitramfsOf(initrdPath, agentDigest);
}

function limitsOf({ diskBandwidth, netBandwidth }: VmSpec): MachineLimits {
  return {
    ...(diskBandwidth !== undefined && { diskBandwidth }),
    ...(netBandwidth !== undefined && { netBandwidth }),
  };
}

interface AgentWait extends Manners {
  readonly live: LiveVm;
  readonly clock: BootClock;
  /** When the start's limit is over, by performance.now(). */
  readonly until: number;
}

/** Waits for the agent while the console tells of the stages, and gives up at once when the VMM ends. */
async function awaitAgent(
  context: VmContext,
  vm: Vm,
  { live, clock, until, prepare, complete }: AgentWait,
  signal: AbortSignal,
): Promise<void> {
  const watching = new AbortController();
  live.ending = true; // Its end, should it come now, is this start's failure and told by it.
  const watched = watchConsole(consoleLogPath(context, vm.id), clock, watching.signal);
  const ended = live.machine.exited.then((exit): never => {
    throw new BangerError("VMM_FAILED", { what: exit.reason, fix: "see the console's last lines" });
  });
  ended.catch(() => {}); // It may well be that nobody waits for it any more.
  try {
    let limit = until;
    const inTime = <T>(work: (within: AbortSignal) => Promise<T>): Promise<T> =>
      withDeadline(signal, Math.max(0, limit - performance.now()), "the agent", (within) =>
        untilAborted(Promise.race([work(within), ended]), within),
      );
    const agent = await inTime(async (within) => {
      for (const warning of await introduce(context, vm, await live.agent(within), within)) clock.warn(warning);
      // Its line may have broken since.
      return live.agent(within);
    });
    // Within its own time: where a CPU is emulated, making bundles of authorities takes as long as a boot.
    const began = performance.now();
    await Promise.race([giveWorld(context, vm, agent, (text) => clock.warn(text), signal), ended]);
    limit += performance.now() - began;
    await inTime(async (within) => prepare?.(agent, within));
    await Promise.race([complete?.(agent, signal), ended]);
    live.ending = false;
  } catch (error) {
    throw live.stall.because === undefined ? error : standsStill(vm.name, live.stall.because);
  } finally {
    watching.abort();
    await watched;
  }
}
