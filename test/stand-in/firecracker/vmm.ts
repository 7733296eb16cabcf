import { accessSync, constants, statSync } from "node:fs";
import { setTimeout as after } from "node:timers/promises";
import { hasErrno } from "../../../src/lib/errors.ts";
import { EMPTY, type Configuration } from "./configuration.ts";
import { openNonblocking, writeOrLose, type Log } from "./log.ts";
import { boot, type Microvm } from "./microvm.ts";
import { judge, type Effect, type HostFiles, type Phase, type Request } from "./rules.ts";
import { minorOf } from "./versions.ts";
import { listenVsock, type VsockFront } from "./vsock-front.ts";

/** For the vsock's device to have done with what it was given. */
const SETTLE_MS = 50;

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

/** The one microVM of this process: what it was told, and what became of it. */
export class Vmm {
  readonly #id: string;
  readonly #version: string;
  readonly #log: Log;
  readonly #env: NodeJS.ProcessEnv;
  readonly #ended = Promise.withResolvers<boolean>();
  #phase: Phase = "Not started";
  #configuration: Configuration = EMPTY;
  #vsock: VsockFront | undefined;
  #microvm: Microvm | undefined;
  #metrics: number | undefined;

  constructor(id: string, version: string, log: Log, env: NodeJS.ProcessEnv) {
    this.#id = id;
    this.#version = version;
    this.#log = log;
    this.#env = env;
  }

  get hasStarted(): boolean {
    return this.#phase !== "Not started";
  }

  /** Settles when the guest is gone: true when it ended itself. */
  get ended(): Promise<boolean> {
    return this.#ended.promise;
  }

  async handle(request: Request): Promise<Answer> {
    const verdict = judge(this.#phase, this.#configuration, request, HOST_FILES, minorOf(this.#version));
    if ("fault" in verdict) return fault(verdict.fault);
    try {
      const answer = await this.#apply(verdict.effect, request, verdict.configuration);
      this.#configuration = verdict.configuration;
      return answer;
    } catch (error) {
      return fault(inWords(error));
    }
  }

  flushMetrics(): void {
    if (this.#metrics === undefined) return;
    writeOrLose(this.#metrics, `${JSON.stringify({ utc_timestamp_ms: Date.now(), vmm: { panic_count: 0 } })}\n`);
  }

  async #apply(effect: Effect, request: Request, next: Configuration): Promise<Answer> {
    switch (effect.kind) {
      case "none":
        break;
      case "answer":
        return this.#answer(request.path);
      case "open-log":
        this.#log.open(effect.path);
        break;
      case "open-metrics":
        this.#metrics = openNonblocking(effect.path);
        break;
      case "listen-vsock":
        this.#vsock = await listenVsock(effect.path, this.#env);
        break;
      case "start":
        await this.#start(next);
        break;
      case "pause":
        // The device is stopped and started with the machine: nothing may come to it meanwhile.
        this.#vsock?.pause();
        await after(SETTLE_MS);
        await this.#microvm?.pause();
        this.#phase = "Paused";
        break;
      case "resume":
        await this.#microvm?.resume();
        await after(SETTLE_MS);
        this.#vsock?.resume();
        this.#phase = "Running";
        break;
      case "ctrl-alt-del":
        await this.#microvm?.pressCtrlAltDel();
        break;
      case "flush-metrics":
        this.flushMetrics();
        break;
    }
    return { status: 204 };
  }

  async #start(configuration: Configuration): Promise<void> {
    try {
      this.#microvm = await boot(configuration, this.#vsock);
    } catch (error) {
      throw new Error(`Start microvm error: ${inWords(error)}`, { cause: error });
    }
    this.#phase = "Running";
    this.#microvm.ended.then(this.#ended.resolve, this.#ended.reject);
  }

  #answer(path: string): Answer {
    const { machine, boot, drives, nics, vsock, balloon, entropy, mmds } = this.#configuration;
    switch (path) {
      case "/":
        return {
          status: 200,
          body: { id: this.#id, state: this.#phase, vmm_version: this.#version, app_name: "Firecracker" },
        };
      case "/version":
        return { status: 200, body: { firecracker_version: this.#version } };
      case "/machine-config":
        return { status: 200, body: machine };
      case "/balloon":
        return balloon === undefined
          ? fault("Balloon config error: No balloon device found.")
          : { status: 200, body: balloon };
      case "/mmds":
        return { status: 200, body: mmds ?? {} };
      case "/vm/config":
        return {
          status: 200,
          body: {
            "machine-config": machine,
            drives,
            "network-interfaces": nics,
            ...(boot && { "boot-source": boot }),
            ...(vsock && { vsock }),
            ...(balloon && { balloon }),
            ...(entropy && { entropy }),
          },
        };
      default:
        return fault(`The stand-in for Firecracker does not know GET ${path}`);
    }
  }
}

export function fault(fault_message: string, status = 400): Answer {
  return { status, body: { fault_message } };
}

function inWords(error: unknown): string {
  if (hasErrno(error, "EADDRINUSE"))
    return "Vsock config error: Cannot create backend for vsock device: Address in use (os error 98)";
  return error instanceof Error ? error.message : String(error);
}

const HOST_FILES: HostFiles = {
  readable: isReadable,
  isFolder: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
};

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
