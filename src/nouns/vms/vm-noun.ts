import { vmRoutes } from "../../api/routes/vms.ts";
import { defineNoun, type Noun } from "../../core/noun.ts";
import { keyedQueue } from "../../lib/keyed-queue.ts";
import { viewBroken } from "../../model/broken.ts";
import type { Vm, VmView } from "../../model/vm.ts";
import { createDrivers } from "./drivers/drivers.ts";
import { agentNow, type VmsOfImages } from "../images/index.ts";
import type { Installation } from "../installation.ts";
import type { KernelVerbs } from "../kernels/index.ts";
import type { VolumeVerbs } from "../volumes/index.ts";
import { createNetworks } from "./network/networks.ts";
import type { Slot } from "../slot.ts";
import { storeWith } from "../../core/store.ts";
import type { VmStore } from "./vm-store.ts";
import { vmsOfImages } from "./disks/vms-of-images.ts";
import { serveExec } from "./commands/exec-socket.ts";
import { parseForwardTarget } from "./commands/forward-target.ts";
import { vmFileHandlers } from "./files/file-handlers.ts";
import { watchHostClock } from "./guest/keep-time.ts";
import { noteEnded, settleVmNetworks } from "./take-back/look-back.ts";
import { serveRaw } from "./commands/raw-socket.ts";
import { vmSessionHandlers } from "./sessions/session-handlers.ts";
import { vmSettlers } from "./settle-vms.ts";
import { takeBackAll } from "./take-back/take-back.ts";
import type { VmContext } from "./vm-context.ts";
import { vmVerbs, type VmVerbs } from "./vm-verbs.ts";
import { vmTable } from "./vm-table.ts";

/** What those that stand above VMs use of them. */
interface Opened {
  readonly context: Slot<VmContext>;
  readonly verbs: Slot<VmVerbs>;
}

/** Machines: made from images, run by VMMs. */
export function vmNoun(
  env: NodeJS.ProcessEnv,
  { agentPath }: Installation,
  kernels: Slot<KernelVerbs>,
  volumes: Slot<VolumeVerbs>,
  opened: Opened,
  ofImages: Slot<VmsOfImages>,
): Noun<typeof vmRoutes> {
  return defineNoun<typeof vmRoutes>({
    name: "vm",
    tables: { vms: vmTable },
    routes: vmRoutes,
    open({ layout, config, store: all, log, ending, trouble }) {
      const store = storeWith<VmStore>(all, "kernels", "images", "volumes", "vms");
      const agent = agentNow(agentPath);
      const live: VmContext["live"] = new Map();
      const isUp = (vmId: string): boolean => live.has(vmId) || store.vms.find(vmId)?.machine !== undefined;
      const context: VmContext = {
        layout,
        config,
        store,
        log,
        kernels: kernels.get(),
        volumes: volumes.get(),
        agentPath,
        agentDigest: async () => (await agent()).digest,
        drivers: createDrivers(config, layout, env),
        networks: createNetworks({ config, layout, store, env, isUp }),
        queue: keyedQueue(),
        live,
        silent: new Map(),
        deleting: new Map(),
        attaching: new Map(),
        hostClock: watchHostClock(ending),
      };
      opened.context.set(context);
      ofImages.set(vmsOfImages(context));
      const vms = vmVerbs(context);
      opened.verbs.set(vms);
      const view = async (making: Promise<Vm>): Promise<VmView> => vms.view(await making);
      let before: readonly Vm[] = [];
      return {
        settlers: vmSettlers(context),
        async lookBack(told) {
          before = store.vms.list();
          for (const vm of before) await noteEnded(context, vm, told);
        },
        tidy: (told) => settleVmNetworks(context, before, told),
        takeBack: (told, signal) => (trouble === undefined ? takeBackAll(context, told, signal) : Promise.resolve()),
        async release() {
          for (const one of live.values()) {
            one.machine.release();
            await one.close();
          }
        },
        handlers: {
          vmList: () => [...vms.list().map((vm) => vms.view(vm)), ...vms.broken().map(viewBroken)],
          vmInspect: ({ ref }) => vms.view(vms.inspect(ref)),
          vmCreate: (input, request) => view(vms.create(input, request)),
          vmStart: ({ ref, wait, ...world }, request) => view(vms.start(ref, request, { wait, world })),
          vmStop: ({ ref, timeoutSeconds, force }, request) =>
            view(vms.stop(ref, { timeoutMs: timeoutSeconds * 1000, force }, request)),
          vmPause: ({ ref }, request) => view(vms.pause(ref, request)),
          vmResume: ({ ref }, request) => view(vms.resume(ref, request)),
          vmRebase: ({ ref, image, kernel }, request) => view(vms.rebase(ref, { image, kernel }, request)),
          vmResize: ({ ref, ...sizes }, request) => view(vms.resize(ref, sizes, request)),
          vmDelete: async ({ ref, force }, request) => {
            await vms.delete(ref, force, request);
            return {};
          },
          vmStats: ({ ref }, { signal }) => vms.stats(ref, signal),
          sshKey: (_input, { signal }) => vms.sshKey(signal),
          vmSsh: ({ ref }, { signal }) => vms.ssh(ref, signal),
          vmLogs: ({ ref, service, ...request }, { signal }) =>
            service ? vms.serviceLog(ref, request, signal) : vms.consoleLog(ref, request, signal),
          vmExec: ({ ref }, socket, { signal }) => serveExec(socket, signal, (start, s) => vms.exec(ref, start, s)),
          vmConsole: ({ ref }, socket, { signal }) => serveRaw(socket, signal, (s) => vms.console(ref, s)),
          vmForward: ({ ref, target }, socket, { signal }) =>
            serveRaw(socket, signal, (s) => vms.forward(ref, parseForwardTarget(target), s)),
          ...vmFileHandlers(context),
          ...vmSessionHandlers(context),
        },
      };
    },
  });
}
