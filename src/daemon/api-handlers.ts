import type { DaemonStatus } from "../api/schemas.ts";
import type { DoctorReport } from "../model/doctor.ts";
import type { ImageService } from "../services/images/image-service.ts";
import type { KernelService } from "../services/kernels/kernel-service.ts";
import { viewBroken } from "../model/broken.ts";
import type { StateService } from "../services/state/state-service.ts";
import { parseForwardTarget } from "../services/vms/forward-target.ts";
import type { VmService } from "../services/vms/vm-service.ts";
import { serveExec } from "./exec-socket.ts";
import type { Handlers } from "./handlers.ts";
import { serveRaw } from "./raw-socket.ts";

const LINES_AT_ONCE = 64 * 1024;

export interface Services {
  readonly kernels: KernelService;
  readonly images: ImageService;
  readonly vms: VmService;
  readonly state: StateService;
  doctor(signal: AbortSignal): Promise<DoctorReport>;
  status(signal: AbortSignal): Promise<DaemonStatus>;
  /** Begins the daemon's end, once the answer is out. */
  stop(): void;
}

/** What each route of the contract asks of which service. Nothing is decided here. */
export function apiHandlers(services: Services): Handlers {
  const { kernels, images, vms } = services;
  return {
    calls: {
      daemonStatus: (_input, signal) => services.status(signal),
      daemonStop: () => {
        services.stop();
        return {};
      },
      doctor: (_input, signal) => services.doctor(signal),
      daemonRecover: () => services.state.rebuild(),
      systemOrphans: async () => [...(await services.state.orphans())],
      systemOrphansDelete: async (input) => [...(await services.state.deleteOrphans(input))],
      kernelList: () => [...kernels.list(), ...kernels.broken().map(viewBroken)],
      kernelCatalogs: async (_input, signal) => [...(await kernels.catalogs(signal))],
      kernelInspect: ({ ref }) => kernels.inspect(ref),
      kernelDelete: async ({ ref, force }) => {
        await kernels.delete(ref, force);
        return {};
      },
      imageList: async () => [
        ...(await Promise.all(images.list().map((image) => images.view(image)))),
        ...images.broken().map(viewBroken),
      ],
      imageInspect: ({ ref }) => images.view(images.inspect(ref)),
      imageDelete: async ({ ref, force }) => {
        await images.delete(ref, force);
        return {};
      },
      vmList: () => [...vms.list().map((vm) => vms.view(vm)), ...vms.broken().map(viewBroken)],
      vmInspect: ({ ref }) => vms.view(vms.inspect(ref)),
      vmStats: ({ ref }, signal) => vms.stats(ref, signal),
      vmSsh: ({ ref }, signal) => vms.ssh(ref, signal),
    },
    operations: {
      kernelPull: (input, context) => kernels.pull(input, context),
      kernelBuild: (input, context) => kernels.build(input, context),
      kernelImport: (input, context) => kernels.import(input, context),
      imagePull: async (input, context) => images.view(await images.pull(input, context)),
      imagePush: (input, context) => images.push(input, context),
      imageExport: (input, context) => images.export(input, context),
      imageBuild: async (input, context) => images.view(await images.build(input, context)),
      imageBuildContainerfile: async (input, context) => images.view(await images.buildContainerfile(input, context)),
      imageRegister: async (input, context) => images.view(await images.register(input, context)),
      imagePromote: async ({ ref }, context) => images.view(await images.promote(ref, context)),
      imageRefresh: async ({ ref }, context) => images.view(await images.refresh(ref, context)),
      vmCreate: async (input, context) => vms.view(await vms.create(input, context)),
      vmStart: async ({ ref, wait, ...world }, context) => vms.view(await vms.start(ref, context, { wait, world })),
      vmStop: async ({ ref, timeoutSeconds, force }, context) =>
        vms.view(await vms.stop(ref, { timeoutMs: timeoutSeconds * 1000, force }, context)),
      vmPause: async ({ ref }, context) => vms.view(await vms.pause(ref, context)),
      vmResume: async ({ ref }, context) => vms.view(await vms.resume(ref, context)),
      vmRebase: async ({ ref, image, kernel }, context) => vms.view(await vms.rebase(ref, { image, kernel }, context)),
      vmResize: async ({ ref, ...sizes }, context) => vms.view(await vms.resize(ref, sizes, context)),
      vmDelete: async ({ ref, force }, context) => {
        await vms.delete(ref, force, context);
        return {};
      },
    },
    texts: {
      imageFiles: (input, signal) => jsonLines(images.files(input, signal)),
      imageFile: ({ ref, path }, signal) => images.file(ref, path, signal),
      vmLogs: ({ ref, service, ...request }, signal) =>
        service ? vms.serviceLog(ref, request, signal) : vms.consoleLog(ref, request, signal),
    },
    sockets: {
      vmExec: ({ ref }, socket, signal) => serveExec(socket, signal, (start, s) => vms.exec(ref, start, s)),
      vmConsole: ({ ref }, socket, signal) => serveRaw(socket, signal, (s) => vms.console(ref, s)),
      vmForward: ({ ref, target }, socket, signal) =>
        serveRaw(socket, signal, (s) => vms.forward(ref, parseForwardTarget(target), s)),
    },
  };
}

/** One JSON object a line, several lines a chunk. */
async function* jsonLines(objects: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  let lines = "";
  for await (const object of objects) {
    lines += `${JSON.stringify(object)}\n`;
    if (lines.length < LINES_AT_ONCE) continue;
    yield Buffer.from(lines);
    lines = "";
  }
  if (lines !== "") yield Buffer.from(lines);
}
