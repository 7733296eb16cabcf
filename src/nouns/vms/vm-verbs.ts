import type { Duplex } from "node:stream";
import type { ExecStart } from "../../api/exec-frames.ts";
import type { AgentExec, AgentStats } from "../../guest/agent-client.ts";
import { withDeadline } from "../../lib/deadline.ts";
import { asBangerError, BangerError } from "../../lib/errors.ts";
import { aboutFields } from "../../model/fields/about-fields.ts";
import type { OperationContext } from "../../lib/progress.ts";
import type { WaitTarget } from "../../model/health-check.ts";
import type { Image } from "../../model/image.ts";
import { viewVm, type Vm, type VmView } from "../../model/vm.ts";
import type { WorldWishes } from "../../model/world.ts";
import { ensureSshKey } from "./guest/ssh-key.ts";
import { awaitPublishedPorts } from "./ready/await-services.ts";
import { notReadyAndGone } from "./ready/run-check.ts";
import { checkWait, reachReadiness } from "./ready/await-ready.ts";
import { changeWorld, giveWorld, warner } from "./guest/give-world.ts";
import { exposedTcpPorts, publishOnFreePorts } from "./ready/exposed-ports.ts";
import { ensureKnownHosts, writeKnownHosts } from "./guest/known-hosts.ts";
import { noteMainCommand } from "./commands/main-command.ts";
import { createVm } from "./create/create-vm.ts";
import { deleteBrokenVm, deleteVm, forgetVm } from "./delete/delete-vm.ts";
import { deleteByForce } from "./delete/delete-by-force.ts";
import { ephemeralVms } from "./delete/ephemeral.ts";
import { type ForwardTarget, openTarget } from "./commands/forward-target.ts";
import { planExec } from "./commands/exec-plan.ts";
import { keepConsoleLog } from "./logs/failed-start-log.ts";
import { planNewVm } from "./create/plan-new-vm.ts";
import type { VmRequest } from "./create/plan-vm.ts";
import { readConsoleLog, readServiceLog, type LogRequest } from "./logs/read-logs.ts";
import { askAgent, runningVm } from "./guest/reach-agent.ts";
import { rebaseVm } from "./create/rebase-vm.ts";
import type { BrokenObject } from "../../core/rows.ts";
import { resizeVm, type ResizeRequest } from "./create/resize-vm.ts";
import { notAnswering } from "./live/run-folder.ts";
import { consoleLogPath } from "./logs/console-log.ts";
import { startVm } from "./start/start-vm.ts";
import { pauseVm, resumeVm } from "./pause/pause-vm.ts";
import { stopByForce, stopInTurn } from "./stop/stop-in-turn.ts";
import type { StopOptions } from "./stop/stop-vm.ts";
import { inTurn } from "./live/turns.ts";
import type { VmContext } from "./vm-context.ts";

/** How long a VMM may take to open its guest's console. */
const CONSOLE_MS = 10_000;

export interface VmCreateRequest extends VmRequest {
  readonly image?: string | undefined;
  readonly kernel?: string | undefined;
  /** Publish what the image says it listens on, each on a free port of this host. */
  readonly publishAll: boolean;
  readonly start: boolean;
  /** Delete it with the connection that comes to own it. */
  readonly ephemeral: boolean;
  readonly wait?: WaitTarget | undefined;
}

export interface StartRequest {
  /** How ready it is to be; one that runs is waited for, too. */
  readonly wait?: WaitTarget;
  /** What it is given of the host's world from now on; what is absent stays as it is. */
  readonly world?: WorldWishes;
}

export interface RebaseTarget {
  readonly image: string;
  readonly kernel?: string | undefined;
}

export interface SshKeyAccess {
  readonly keyPath: string;
  readonly publicKey: string;
}

export interface SshAccess {
  readonly id: string;
  readonly name: string;
  readonly keyPath: string;
  readonly knownHostsPath: string;
  readonly user: string;
}

/** All verbs on VMs. Those that change one wait in its queue; those that look never do, and what ends one by force goes first. */
export interface VmVerbs {
  list(): readonly Vm[];
  broken(): readonly BrokenObject[];
  inspect(ref: string): Vm;
  /** As the API shows it, with who does not answer. */
  view(vm: Vm): VmView;
  create(request: VmCreateRequest, context: OperationContext): Promise<Vm>;
  start(ref: string, context: OperationContext, how?: StartRequest): Promise<Vm>;
  stop(ref: string, options: StopOptions, context: OperationContext): Promise<Vm>;
  pause(ref: string, context: OperationContext): Promise<Vm>;
  resume(ref: string, context: OperationContext): Promise<Vm>;
  /** Makes a stopped VM's root disk anew from another image; its work disk stays. */
  rebase(ref: string, target: RebaseTarget, context: OperationContext): Promise<Vm>;
  /** Makes a stopped VM's disks larger. */
  resize(ref: string, request: ResizeRequest, context: OperationContext): Promise<Vm>;
  delete(ref: string, force: boolean, context: OperationContext): Promise<void>;
  exec(ref: string, start: ExecStart, signal: AbortSignal): Promise<AgentExec>;
  forward(ref: string, target: ForwardTarget, signal: AbortSignal): Promise<Duplex>;
  stats(ref: string, signal: AbortSignal): Promise<AgentStats>;
  sshKey(signal: AbortSignal): Promise<SshKeyAccess>;
  ssh(ref: string, signal: AbortSignal): Promise<SshAccess>;
  console(ref: string, signal: AbortSignal): Promise<Duplex>;
  consoleLog(ref: string, request: LogRequest, signal: AbortSignal): AsyncGenerator<Uint8Array>;
  serviceLog(ref: string, request: LogRequest, signal: AbortSignal): AsyncGenerator<Uint8Array>;
}

export function vmVerbs(context: VmContext): VmVerbs {
  const { store, queue } = context;
  const ephemeral = ephemeralVms(context);
  const inCreation = new Set<string>();
  // Their owners went with the daemon that was before; one may come back.
  for (const vm of store.vms.list()) ephemeral.expectOwner(vm);

  /** Runs a change in the VM's turn. */
  const change = (
    ref: string,
    operation: OperationContext,
    work: (vm: Vm, operation: OperationContext) => Promise<Vm>,
  ): Promise<Vm> => inTurn(context, ref, operation.signal, (vm, signal) => work(vm, { ...operation, signal }));

  const startNew = async (created: Vm, operation: OperationContext): Promise<void> => {
    const { id, spec } = await startVm(context, created, operation);
    if (spec.service === undefined) return;
    const agent = await askAgent(context, id, operation.signal, "answer", async (found) => found);
    await awaitPublishedPorts(agent, store.vms.get(id), operation);
  };

  return {
    list: () => store.vms.list(),
    broken: () => store.vms.broken(),
    view: (vm) => viewVm(vm, context.silent.get(vm.id)),
    inspect: (ref) => store.vms.get(ref),

    async create(request, operation) {
      const image = store.images.get(request.image ?? defaultImage(context));
      const kernel = store.kernels.get(request.kernel ?? image.kernel);
      const { publishAll, publish: asked } = request;
      const exposed = publishAll ? exposedTcpPorts(image.config.exposedPorts, asked) : [];
      const publish = [...asked, ...(await publishOnFreePorts(exposed))];
      const plan = planNewVm(context, { ...request, publish }, image, kernel);
      const planned: Vm = request.ephemeral ? { ...plan, ephemeral: true } : plan;
      if (request.start) checkWait(request.wait ?? "agent", planned, image);
      await tellOfOtherAgent(context, image, operation);
      return queue.run(planned.id, operation.signal, async (signal) => {
        const within = { ...operation, signal };
        if (request.start) await context.networks.checkPorts(planned);
        const created = await createVm(context, planned, image, within);
        inCreation.add(created.id);
        try {
          if (request.start) await startNew(created, within);
          if (request.start) await reachReadiness(context, created.id, request.wait ?? "agent", within);
          const made = store.vms.get(created.id);
          ephemeral.expectOwner(made);
          return made;
        } catch (error) {
          // To create is all or nothing. Why it failed outlives it.
          const told = await keepConsoleLog(context, created, notReadyAndGone(asBangerError(error), created));
          await forgetVm(context, created.id);
          throw told;
        } finally {
          inCreation.delete(created.id);
        }
      });
    },
    start: (ref, operation, { wait = "agent", world = {} } = {}) =>
      change(ref, operation, async (before, within) => {
        checkWait(wait, before, store.images.find(before.image.id));
        const vm = changeWorld(context, before, world);
        if (vm.state !== "running") {
          await startVm(context, vm, within);
          return reachReadiness(context, vm.id, wait, within);
        }
        const found = context.live.get(vm.id);
        if (found === undefined) throw await notAnswering(vm, context.silent.get(vm.id));
        within.progress({ id: "start", label: `${vm.name} runs already`, status: "done" });
        if (vm !== before) {
          await giveWorld(context, vm, await found.agent(within.signal), warner(vm, within), within.signal);
        }
        return reachReadiness(context, vm.id, wait, within);
      }),
    stop: (ref, options, operation) =>
      options.force
        ? stopByForce(context, ref, options, operation)
        : stopInTurn(context, ref, options.timeoutMs, operation, (id) => inCreation.has(id)),
    pause: (ref, operation) => change(ref, operation, (vm, within) => pauseVm(context, vm, within)),
    resume: (ref, operation) => change(ref, operation, (vm, within) => resumeVm(context, vm, within)),
    rebase: (ref, target, operation) =>
      change(ref, operation, (vm, within) => {
        const image = store.images.get(target.image);
        const kernel = store.kernels.get(target.kernel ?? image.kernel);
        return rebaseVm(context, vm, { image, kernel }, within);
      }),
    resize: (ref, request, operation) => change(ref, operation, (vm, within) => resizeVm(context, vm, request, within)),
    delete(ref, force, operation) {
      const { signal } = operation;
      if (!force) return inTurn(context, ref, signal, (vm) => deleteVm(context, vm, force, operation));
      const broken = store.vms.findBroken(ref);
      if (broken !== undefined) return queue.run(broken.id, signal, () => deleteBrokenVm(context, broken));
      return deleteByForce(context, ref, operation);
    },

    exec(ref, start, signal) {
      if (start.owner === true) ephemeral.own(store.vms.get(ref), signal);
      return askAgent(context, ref, signal, "start the command", async (agent, { vm, live }, within) => {
        const { config } = store.images.get(vm.image.id);
        const running = await agent.exec(planExec(start, vm, config), { signal: within });
        if (start.argv === undefined) noteMainCommand(live, running, config);
        return running;
      });
    },
    forward: (ref, target, signal) =>
      askAgent(context, ref, signal, "open the connection", async (agent, { vm }, within) => {
        if (target.kind === "ssh") await ensureKnownHosts(context.layout, vm.id, agent, within);
        return openTarget(agent, target, within);
      }),
    stats: (ref, signal) =>
      askAgent(context, ref, signal, "tell its figures", (agent, _running, within) => agent.stats(within)),
    async sshKey(signal) {
      const { privatePath, publicKey } = await ensureSshKey(context.layout, context.config, signal);
      return { keyPath: privatePath, publicKey };
    },
    async ssh(ref, signal) {
      const [{ vm, knownHostsPath }, key] = await Promise.all([
        askAgent(context, ref, signal, "tell its host key", async (agent, { vm: found }, within) => ({
          vm: found,
          knownHostsPath: await writeKnownHosts(context.layout, found.id, agent, within),
        })),
        ensureSshKey(context.layout, context.config, signal),
      ]);
      return { id: vm.id, name: vm.name, keyPath: key.privatePath, knownHostsPath, user: "root" };
    },
    async console(ref, signal) {
      const { vm, live } = await runningVm(context, ref, signal);
      return withDeadline(signal, CONSOLE_MS, `the console of VM ${vm.name}`, (within) => live.machine.console(within));
    },
    async *serviceLog(ref, request, signal) {
      const { vm } = await runningVm(context, ref, signal);
      if (vm.spec.service === undefined) throw noService(vm);
      const log = await askAgent(context, ref, signal, "read the log", async (agent) =>
        readServiceLog(agent, request, signal),
      );
      yield* log;
    },
    consoleLog: (ref, request, signal) =>
      readConsoleLog(consoleLogPath(context, store.vms.get(ref).id), request, signal),
  };
}

function noService({ name }: Vm): BangerError {
  return new BangerError("BAD_REQUEST", {
    what: `VM ${name} keeps no command running`,
    fix: "create one that does with `banger vm create --service` or `banger run --detach`",
  });
}

/** A VM gets the agent of its image; one of another banger's may lack what this one asks for. */
async function tellOfOtherAgent(context: VmContext, image: Image, { progress }: OperationContext): Promise<void> {
  if (image.agentDigest === undefined || image.agentDigest === (await context.agentDigest())) return;
  const mend = image.managed ? `\`banger image refresh ${image.name}\` puts in this one's` : "it is in a file of yours";
  const whose = image.agentVersion === undefined ? "another banger's" : `that of banger ${image.agentVersion}`;
  progress({ id: "agent", label: `the agent in image ${image.name} is ${whose}`, status: "done", note: mend });
}

function defaultImage(context: VmContext): string {
  const name = context.config.default_image_name;
  if (name !== undefined) {
    if (context.store.images.find(name) !== undefined) return name;
    throw new BangerError("IMAGE_NOT_FOUND", {
      what: `default_image_name is "${name}", and there is no such image`,
      fix: `pull, build or register one under that name, or correct ${context.layout.configFile}`,
    });
  }
  const images = context.store.images.list();
  const [only] = images;
  if (only !== undefined && images.length === 1) return only.name;
  throw new BangerError("BAD_REQUEST", {
    what: "which image?",
    why: images.length === 0 ? "there is none yet" : `there are ${images.length}`,
    fix:
      images.length === 0
        ? "get one: `banger image pull debian:bookworm`"
        : "name one with `image`, or set default_image_name in config.toml",
    data: aboutFields("image"),
  });
}
