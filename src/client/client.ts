import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Contract } from "../api/contract.ts";
import type { EndpointName, EndpointOf } from "../api/endpoints.ts";
import type { RouteInput, RouteResult } from "../api/route.ts";
import { type ProgressSink, noProgress } from "../lib/progress.ts";
import { hungUp, isNobodyThere, transportError } from "./daemon-errors.ts";
import { type ExecSession, type ExecStartInput, execSession, startFrame } from "./exec-session.ts";
import { readJson, successOf } from "./answers.ts";
import { exchange } from "./http-exchange.ts";
import { runOperation } from "./operation.ts";
import { rawStream } from "./raw-socket.ts";
import { openWebSocket } from "./web-socket.ts";
import { wireRequest } from "./wire-request.ts";

export type Input<N extends EndpointName> = RouteInput<Contract[N]>;
export type Result<N extends EndpointName> = RouteResult<Contract[N]>;
/** Sockets that carry bytes and nothing else. */
export type RawSocketName = Exclude<EndpointOf<"socket">, "vmExec">;

export interface ClientOptions {
  /** The daemon's unix socket. */
  readonly socketPath: string;
  /**
   * Called when nobody listens there; resolves once somebody does, with the socket if that is another, and the request is
   * made again.
   */
  readonly startDaemon?: (signal: AbortSignal) => Promise<string | undefined>;
  /** Called with each request; rejects once it is known that no answer can come. Its signal aborts when one has come. */
  readonly watch?: (signal: AbortSignal) => Promise<never>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface OperateOptions extends CallOptions {
  readonly progress?: ProgressSink;
  /** How long to listen to a cancelled operation's cleaning up; half a minute where nothing is said. */
  readonly cleanUpMs?: number;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * All that a daemon can be asked for, typed by the contract. Every method throws BangerError: what the daemon told,
 * `DAEMON_UNREACHABLE` where it cannot be reached, `CANCELLED` (or the signal's own reason) after an abort.
 */
export interface Client {
  call<N extends EndpointOf<"call">>(name: N, input: Input<N>, options?: CallOptions): Promise<Result<N>>;
  /** An abort cancels it in the daemon, and the promise settles when that has cleaned up, or with an error that says it still does. */
  operate<N extends EndpointOf<"operation">>(name: N, input: Input<N>, options?: OperateOptions): Promise<Result<N>>;
  text<N extends EndpointOf<"text">>(name: N, input: Input<N>, options?: CallOptions): AsyncIterable<Uint8Array>;
  socket<N extends RawSocketName>(name: N, input: Input<N>, options?: CallOptions): Promise<Duplex>;
  exec(input: Input<"vmExec">, start: ExecStartInput, options?: CallOptions): Promise<ExecSession>;
}

export function createClient({ socketPath: expected, startDaemon, watch }: ClientOptions): Client {
  let socketPath = expected;
  /** Makes a request, once more if a daemon had to be started for it. */
  const reach = async <T>(
    signal: AbortSignal,
    request: (signal: AbortSignal) => Promise<T>,
    onlyAsks = true,
  ): Promise<T> => {
    const attempt = (): Promise<T> => watched(watch, signal, request);
    try {
      return await attempt();
    } catch (error) {
      const again = isNobodyThere(error) || (onlyAsks && hungUp(error));
      if (startDaemon === undefined || !again) throw error;
      socketPath = (await startDaemon(signal)) ?? socketPath;
      return attempt();
    }
  };
  const openSocket = async (name: EndpointOf<"socket">, input: Fields, signal: AbortSignal): Promise<WebSocket> => {
    const wire = wireRequest(name, input);
    try {
      return await reach(signal, (within) => openWebSocket(socketPath, wire, within));
    } catch (error) {
      throw transportError(error, socketPath, signal);
    }
  };

  return {
    async call<N extends EndpointOf<"call">>(name: N, input: Input<N>, { signal = never() }: CallOptions = {}) {
      const wire = wireRequest(name, input);
      try {
        return (await reach(
          signal,
          async (within) => {
            using request = exchange(socketPath, wire, within);
            return await readJson(await successOf(request.answer));
          },
          wire.method === "GET",
        )) as Result<N>;
      } catch (error) {
        throw transportError(error, socketPath, signal);
      }
    },

    async operate<N extends EndpointOf<"operation">>(
      name: N,
      input: Input<N>,
      { signal = never(), progress = noProgress, cleanUpMs }: OperateOptions = {},
    ) {
      const wire = wireRequest(name, input);
      try {
        return (await reach(
          signal,
          (within) => runOperation(socketPath, wire, { signal: within, progress, cleanUpMs }),
          false,
        )) as Result<N>;
      } catch (error) {
        // No signal: what the daemon told of a cancelled operation counts.
        throw transportError(error, socketPath);
      }
    },

    async *text(name, input, { signal = never() } = {}) {
      const wire = wireRequest(name, input);
      using requests = new DisposableStack();
      try {
        yield* await reach(signal, (within) => successOf(requests.use(exchange(socketPath, wire, within)).answer));
      } catch (error) {
        throw transportError(error, socketPath, signal);
      }
    },

    async socket(name, input, { signal = never() } = {}) {
      const webSocket = await openSocket(name, input, signal);
      return rawStream(webSocket, signal);
    },

    async exec(input, start, { signal = never() } = {}) {
      const frame = startFrame(start);
      const webSocket = await openSocket("vmExec", input, signal);
      return execSession(webSocket, frame, signal);
    },
  };
}

/** Makes a request while it is watched whether an answer can come; when none can, it is given up with that reason. */
async function watched<T>(
  watch: ClientOptions["watch"],
  signal: AbortSignal,
  request: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (watch === undefined) return request(signal);
  const hopeless = new AbortController();
  const answered = new AbortController();
  try {
    return await Promise.race([request(AbortSignal.any([signal, hopeless.signal])), watch(answered.signal)]);
  } catch (error) {
    if (!signal.aborted) hopeless.abort(error);
    throw error;
  } finally {
    answered.abort();
  }
}

function never(): AbortSignal {
  return new AbortController().signal;
}
