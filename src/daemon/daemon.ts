import { writeSync } from "node:fs";
import { pino } from "pino";
import { currentCause } from "../core/cause.ts";
import type { Core, Noun } from "../core/noun.ts";
import { createOperations } from "../core/operations.ts";
import { recover } from "../core/recover.ts";
import type { Tables } from "../core/store.ts";
import { asBangerError, type BangerError } from "../lib/errors.ts";
import { ensurePrivateDirectory } from "../lib/private-directory.ts";
import { noteHolder } from "../lib/lock-holder.ts";
import { ROOT_WARNING } from "../host/checks/privileges.ts";
import type { Config } from "../model/config.ts";
import { layoutFrom, type Layout } from "../model/layout.ts";
import { loadConfig, parseConfig } from "../core/config.ts";
import { openState } from "../core/state/open-state.ts";
import { tryLock } from "../store/lock.ts";
import { holdFolders } from "./hold-folders.ts";
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
 * Runs bangerd until it is told to stop: opens its nouns, recovers, answers. VMs outlive it.
 *
 * @param nouns what it is made of; it knows none of them.
 * @returns the exit status.
 */
export async function runDaemon(env: NodeJS.ProcessEnv, nouns: readonly Noun[]): Promise<number> {
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
  const options = { level: env["BANGER_LOG_LEVEL"] ?? "info", base: null, mixin: operationOf };
  const log = pino(options, { write: writeLine });
  const { config, mistake } = await readConfig(layout.configFile);
  const hold = (): Promise<Disposable> => holdFolders(layout);
  const { store, trouble } = await openState(layout, tablesOf(nouns), log, hold);
  using _store = store;

  const ending = new AbortController();
  const { promise: found, resolve: nowFound } = Promise.withResolvers<readonly string[]>();
  const core: Core = {
    layout,
    config,
    store,
    operations: createOperations(),
    log,
    trouble,
    startedAt: new Date().toISOString(),
    found: () => found,
    hold,
    // The answer that asks for the end goes out first.
    stop: () => void setImmediate(() => ending.abort()),
    ending: ending.signal,
  };
  const open = nouns.map((noun) => noun.open(core));
  // A state that is not this data's knows nothing of what runs and lies here.
  const recovered = trouble === undefined ? await recover(core, open) : [];
  const routes = Object.assign({}, ...nouns.map((noun) => noun.routes)) as Noun["routes"];
  const answers = Object.assign({}, ...open.map(({ handlers }) => handlers)) as Record<string, unknown>;
  // Who is told of the mistake mends it; the next command then finds a daemon that has read it anew.
  const refused = trouble ?? mistake;
  const handlers = refused === undefined ? answers : refuseAll(routes, answers, refused, () => core.stop());
  const server = createServer({ routes, handlers, operations: core.operations }, log);
  // They may be many, and some may not answer: nobody waits for them but those who ask for them.
  void Promise.all(open.map(async (noun) => noun.takeBack?.(recovered, ending.signal))).then(() => nowFound(recovered));
  await using door = await keepListening({ server, layout, log, onDispossessed: () => ending.abort() });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => ending.abort());
  if (process.getuid?.() === 0) log.warn(ROOT_WARNING);
  log.info({ version: VERSION, pid: process.pid, socket: layout.socket }, "ready");
  tellReadiness({ ready: true }, env);

  await untilEnding(ending.signal);
  log.info("stopping; running VMs go on");
  await door[Symbol.asyncDispose]();
  server.close();
  for (const noun of open) await noun.release?.();
  return 0;
}

function tablesOf(nouns: readonly Noun[]): Tables {
  return Object.assign({}, ...nouns.map(({ tables }) => tables)) as Tables;
}

/** Has each line of the log say which operation it is of. */
function operationOf(): object {
  const { operation } = currentCause();
  return operation === undefined ? {} : { operation };
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
