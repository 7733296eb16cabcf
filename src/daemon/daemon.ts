import { writeSync } from "node:fs";
import { pino } from "pino";
import { untilAborted } from "../lib/deadline.ts";
import { asBangerError, toErrorBody, type BangerError } from "../lib/errors.ts";
import { ensurePrivateDirectory } from "../lib/private-directory.ts";
import { keyedQueue } from "../lib/keyed-queue.ts";
import { noteHolder } from "../lib/lock-holder.ts";
import { ROOT_WARNING } from "../host/checks/privileges.ts";
import type { Config } from "../model/config.ts";
import { layoutFrom, type Layout } from "../model/layout.ts";
import { loadConfig, parseConfig } from "../services/config.ts";
import { doctorService } from "../services/doctor.ts";
import { createDrivers } from "../services/drivers.ts";
import { BlobStore } from "../oci/layers/blob-store.ts";
import { agentNow } from "../services/images/refresh/agent-now.ts";
import { tryPruneBlobs } from "../services/images/pull/image-blobs.ts";
import type { ImageContext } from "../services/images/image-context.ts";
import { imageService } from "../services/images/image-service.ts";
import { kernelService } from "../services/kernels/kernel-service.ts";
import { createNetworks } from "../services/networks.ts";
import { imageSettlers } from "../services/images/settle-images.ts";
import { kernelSettlers } from "../services/kernels/settle-kernels.ts";
import { vmSettlers } from "../services/vms/settle-vms.ts";
import { recover } from "../services/recovery/recover.ts";
import { openState } from "../services/state/open-state.ts";
import { stateService } from "../services/state/state-service.ts";
import { takeBackAll } from "../services/vms/take-back.ts";
import { watchHostClock } from "../services/vms/keep-time.ts";
import type { VmContext } from "../services/vms/vm-context.ts";
import { vmService } from "../services/vms/vm-service.ts";
import { tryLock } from "../store/lock.ts";
import { apiHandlers } from "./api-handlers.ts";
import { holdFolders } from "./hold-folders.ts";
import { agentBinaryPath, kernelRecipes, rootfsProgramPath } from "./installation.ts";
import { otherHolder } from "./other-holder.ts";
import { keepListening } from "./keep-listening.ts";
import { placeSockets } from "./place-sockets.ts";
import { tellReadiness } from "./readiness.ts";
import { refuseAll } from "./refuse-all.ts";
import { createServer } from "./server.ts";
import { VERSION } from "../lib/version.ts";

/** The daemon's log, as whoever starts it has it. */
const STDOUT_FD = 1;
/** Exit status of a daemon that found another one at work. */
const EXIT_ALREADY_RUNNING = 4;

/**
 * Runs bangerd until it is told to stop: wires services to engines, recovers, answers. VMs outlive it.
 *
 * @returns the exit status.
 */
export async function runDaemon(env: NodeJS.ProcessEnv): Promise<number> {
  const places = layoutFrom(env);
  await makeFolders(places);
  using lock = tryLock(places.lockFile);
  const holder = await otherHolder(places.lockFile, lock);
  if (lock === undefined || holder !== undefined) {
    tellReadiness({ holder: holder?.pid ?? null }, env);
    console.error(
      `bangerd: another daemon owns ${places.stateDir}${holder === undefined ? "" : ` (pid ${holder.pid})`}`,
    );
    return EXIT_ALREADY_RUNNING;
  }
  const layout = await placeSockets(places);
  await noteHolder(layout.lockFile, layout.socket);
  const log = pino({ level: env["BANGER_LOG_LEVEL"] ?? "info", base: null }, { write: writeLine });
  const { config, mistake } = await readConfig(layout.configFile);
  const { store, trouble } = await openState(layout, log, () => holdFolders(layout));
  using _store = store;

  const ending = new AbortController();
  const agentPath = agentBinaryPath(env);
  const agent = agentNow(agentPath);
  const drivers = createDrivers(config, layout, env);
  const kernels = kernelService({ layout, config, store, agentPath, recipes: kernelRecipes() });
  const live: VmContext["live"] = new Map();
  const isUp = (vmId: string): boolean => live.has(vmId) || store.vms.find(vmId)?.machine !== undefined;
  const networks = createNetworks({ config, layout, store, env, isUp });
  const vmContext: VmContext = {
    layout,
    config,
    store,
    log,
    kernels,
    agentPath,
    agentDigest: async () => (await agent()).digest,
    drivers,
    networks,
    queue: keyedQueue(),
    live,
    silent: new Map(),
    attaching: new Map(),
    hostClock: watchHostClock(ending.signal),
  };
  const imageContext: ImageContext = {
    layout,
    config,
    store,
    agent,
    kernels,
    blobs: new BlobStore(layout.blobsDir),
    rootfsProgram: rootfsProgramPath(),
    vms: vmContext,
  };
  const settlers = [...kernelSettlers(vmContext), ...imageSettlers(vmContext), ...vmSettlers(vmContext)];
  // A state that is not this data's knows nothing of what runs and lies here.
  const recovered = trouble === undefined ? await recover(vmContext, settlers) : [];
  if (trouble === undefined) await tryPruneBlobs(imageContext);
  const images = imageService(imageContext);
  const vms = vmService(vmContext);
  const startedAt = new Date().toISOString();
  // The answer that asks for the end goes out first.
  const stop = (): void => void setImmediate(() => ending.abort());
  const handlers = apiHandlers({
    kernels,
    images,
    vms,
    state: stateService(vmContext, { trouble, hold: () => holdFolders(layout), stop }),
    doctor: doctorService({ layout, config, store, drivers, networks, env, trouble }),
    status: async (signal) => ({
      version: VERSION,
      pid: process.pid,
      startedAt,
      socket: layout.socket,
      dataDir: layout.dataDir,
      log: layout.daemonLog,
      runningVms: store.vms.list().filter(({ machine }) => machine !== undefined).length,
      recovered: [...(await untilAborted(found, signal))],
      ...(trouble !== undefined && { refuses: toErrorBody(trouble) }),
    }),
    stop,
  });
  // Who is told of the mistake mends it; the next command then finds a daemon that has read it anew.
  const refused = trouble ?? mistake;
  const server = createServer(refused === undefined ? handlers : refuseAll(handlers, refused, stop), log);
  // They may be many, and some may not answer: nobody waits for them but those who ask for them.
  const found = (trouble === undefined ? takeBackAll(vmContext, recovered, ending.signal) : Promise.resolve()).then(
    () => recovered,
  );
  await using door = await keepListening({ server, layout, log, onDispossessed: () => ending.abort() });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => ending.abort());
  if (process.getuid?.() === 0) log.warn(ROOT_WARNING);
  log.info({ version: VERSION, pid: process.pid, socket: layout.socket }, "ready");
  tellReadiness({ ready: true }, env);

  await untilEnding(ending.signal);
  log.info("stopping; running VMs go on");
  await door[Symbol.asyncDispose]();
  server.close();
  for (const live of vmContext.live.values()) {
    live.machine.release();
    await live.close();
  }
  return 0;
}

/** Pino's own stream ends the process where a line cannot be written, as on a full disk, or tries for ever at its end. */
function writeLine(line: string): void {
  try {
    writeSync(STDOUT_FD, line);
  } catch {
    // The daemon is worth more than its log.
  }
}

async function makeFolders(layout: Layout): Promise<void> {
  for (const folder of [layout.dataDir, layout.stateDir, layout.cacheDir, layout.workDir])
    await ensurePrivateDirectory(folder);
}

/** The configuration; where it cannot be read, what is wrong with it beside the defaults, with which doctor can run. */
async function readConfig(path: string): Promise<{ config: Config; mistake?: BangerError }> {
  try {
    return { config: await loadConfig(path) };
  } catch (error) {
    return { config: parseConfig("", path), mistake: asBangerError(error) };
  }
}

async function untilEnding(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
