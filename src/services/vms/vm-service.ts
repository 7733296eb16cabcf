import type { Duplex } from "node:stream";
import { join } from "node:path";
import type { ExecStart } from "../../api/exec-frames.ts";
import type { AgentExec, AgentClient, AgentStats, ForwardTarget } from "../../guest/agent-client.ts";
import { asBangerError, BangerError } from "../../lib/errors.ts";
import { writeFileAtomic } from "../../lib/files.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { vmRunDir } from "../../model/layout.ts";
import type { Image } from "../../model/image.ts";
import type { Vm } from "../../model/vm.ts";
import { ensureSshKey } from "../ssh-key.ts";
import { awaitPublishedPorts } from "./await-services.ts";
import { exposedTcpPorts, publishOnFreePorts } from "./exposed-ports.ts";
import { noteMainCommand } from "./main-command.ts";
import { createVm } from "./create-vm.ts";
import { deleteVm, forgetVm } from "./delete-vm.ts";
import { planExec } from "./exec-plan.ts";
import { keepConsoleLog } from "./failed-start-log.ts";
import type { LiveVm } from "./live-vms.ts";
import { planNewVm } from "./plan-new-vm.ts";
import type { VmRequest } from "./plan-vm.ts";
import { readConsoleLog, readServiceLog, type LogRequest } from "./read-logs.ts";
import { rebaseVm } from "./rebase-vm.ts";
import { resizeVm, type ResizeRequest } from "./resize-vm.ts";
import { notAnswering } from "./run-folder.ts";
import { consoleLogPath, startVm } from "./start-vm.ts";
import { pauseVm, resumeVm } from "./pause-vm.ts";
import { stopVm, type StopOptions } from "./stop-vm.ts";
import type { VmContext } from "./vm-context.ts";

export interface VmCreateRequest extends VmRequest {
  readonly image?: string | undefined;
  readonly kernel?: string | undefined;
  /** Publish what the image says it listens on, each on a free port of this host. */
  readonly publishAll: boolean;
  readonly start: boolean;
}

export interface RebaseTarget {
  readonly image: string;
  readonly kernel?: string | undefined;
}

export interface SshAccess {
  readonly id: string;
  readonly name: string;
  readonly keyPath: string;
  readonly knownHostsPath: string;
  readonly user: string;
}

/** All verbs on VMs. Those that change one wait in its queue; those that look never do. */
export interface VmService {
  list(): readonly Vm[];
  inspect(ref: string): Vm;
  create(request: VmCreateRequest, context: OperationContext): Promise<Vm>;
  start(ref: string, context: OperationContext): Promise<Vm>;
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
  ssh(ref: string, signal: AbortSignal): Promise<SshAccess>;
  console(ref: string, signal: AbortSignal): Promise<Duplex>;
  consoleLog(ref: string, request: LogRequest, signal: AbortSignal): AsyncGenerator<Uint8Array>;
  serviceLog(ref: string, request: LogRequest, signal: AbortSignal): AsyncGenerator<Uint8Array>;
}

export function vmService(context: VmContext): VmService {
  const { store, live, queue } = context;

  /** Runs a change of one VM after the changes of it that were asked for before, on the VM as it is then. */
  const inTurn = <T>(ref: string, signal: AbortSignal, change: (vm: Vm) => Promise<T>): Promise<T> => {
    const { id } = store.vms.get(ref);
    return queue.run(id, signal, () => change(store.vms.get(id)));
  };

  const liveOf = async (ref: string): Promise<{ readonly vm: Vm; readonly live: LiveVm }> => {
    const vm = store.vms.get(ref);
    const found = live.get(vm.id);
    if (found !== undefined && vm.state === "running") return { vm, live: found };
    if (found === undefined && vm.machine !== undefined) throw await notAnswering(vm);
    throw new BangerError("VM_WRONG_STATE", {
      what: `VM ${vm.name} is ${vm.state}`,
      ...(vm.failure !== undefined && { why: vm.failure.what }),
      fix: `${vm.state === "paused" ? "let it go on" : "start it"} with \`banger vm ${vm.state === "paused" ? "resume" : "start"} ${vm.name}\``,
      data: { state: vm.state },
    });
  };

  const agentOf = async (ref: string, signal: AbortSignal): Promise<{ vm: Vm; agent: AgentClient; live: LiveVm }> => {
    const found = await liveOf(ref);
    return { ...found, agent: await found.live.agent(signal) };
  };

  return {
    list: () => store.vms.list(),
    inspect: (ref) => store.vms.get(ref),

    async create(request, operation) {
      const image = store.images.get(request.image ?? defaultImage(context));
      const kernel = store.kernels.get(request.kernel ?? image.kernel);
      const { publishAll, publish: asked } = request;
      const exposed = publishAll ? exposedTcpPorts(image.config.exposedPorts, asked) : [];
      const publish = [...asked, ...(await publishOnFreePorts(exposed))];
      const planned = planNewVm(context, { ...request, publish }, image, kernel);
      await tellOfOtherAgent(context, image, operation);
      return queue.run(planned.id, operation.signal, async () => {
        if (request.start) await context.networks.checkPorts(planned);
        const created = await createVm(context, planned, image, operation);
        if (!request.start) return created;
        try {
          const started = await startVm(context, created, operation);
          const agent = started.spec.service && (await live.get(started.id)?.agent(operation.signal));
          if (agent !== undefined) await awaitPublishedPorts(agent, started, operation);
          return store.vms.get(started.id);
        } catch (error) {
          // To create is all or nothing. Why it failed outlives it.
          const told = await keepConsoleLog(context, created, asBangerError(error));
          await forgetVm(context, created.id);
          throw told;
        }
      });
    },
    start: (ref, operation) =>
      inTurn(ref, operation.signal, async (vm) => {
        if (vm.state !== "running") return startVm(context, vm, operation);
        if (!live.has(vm.id)) throw await notAnswering(vm);
        operation.progress({ id: "start", label: `${vm.name} runs already`, status: "done" });
        return vm;
      }),
    stop: (ref, options, operation) => inTurn(ref, operation.signal, (vm) => stopVm(context, vm, options, operation)),
    pause: (ref, operation) => inTurn(ref, operation.signal, (vm) => pauseVm(context, vm, operation)),
    resume: (ref, operation) => inTurn(ref, operation.signal, (vm) => resumeVm(context, vm, operation)),
    rebase: (ref, target, operation) =>
      inTurn(ref, operation.signal, (vm) => {
        const image = store.images.get(target.image);
        const kernel = store.kernels.get(target.kernel ?? image.kernel);
        return rebaseVm(context, vm, { image, kernel }, operation);
      }),
    resize: (ref, request, operation) =>
      inTurn(ref, operation.signal, (vm) => resizeVm(context, vm, request, operation)),
    delete: (ref, force, operation) => inTurn(ref, operation.signal, (vm) => deleteVm(context, vm, force, operation)),

    async exec(ref, start, signal) {
      const { vm, agent, live: found } = await agentOf(ref, signal);
      const { config } = store.images.get(vm.image.id);
      const running = await agent.exec(planExec(start, vm, config), { signal });
      if (start.argv === undefined) noteMainCommand(found, running, config);
      return running;
    },
    async forward(ref, target, signal) {
      const { agent } = await agentOf(ref, signal);
      return agent.forward(target, signal);
    },
    async stats(ref, signal) {
      const { agent } = await agentOf(ref, signal);
      return agent.stats(signal);
    },
    async ssh(ref, signal) {
      const { vm, agent } = await agentOf(ref, signal);
      const [info, key] = await Promise.all([agent.info(signal), ensureSshKey(context.layout, context.config, signal)]);
      const knownHostsPath = join(vmRunDir(context.layout, vm.id), "known_hosts");
      await writeFileAtomic(knownHostsPath, `${vm.id} ${info.sshHostKey}\n`);
      return { id: vm.id, name: vm.name, keyPath: key.privatePath, knownHostsPath, user: "root" };
    },
    async console(ref, signal) {
      return (await liveOf(ref)).live.machine.console(signal);
    },
    async *serviceLog(ref, request, signal) {
      const { vm, agent } = await agentOf(ref, signal);
      if (vm.spec.service === undefined) throw noService(vm);
      yield* readServiceLog(agent, request, signal);
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
        : "name one with --image, or set default_image_name in config.toml",
  });
}
