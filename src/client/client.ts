import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { AttachClientFrame } from "../api/attach-frames.ts";
import type { Contract } from "../api/contract.ts";
import { endpoints } from "../api/endpoints.ts";
import type { Endpoints, RouteInput, RouteKind, RouteResult, Routes } from "../api/route.ts";
import { type ProgressSink, noProgress } from "../lib/progress.ts";
import { ConnectionLost, hungUp, isNobodyThere, transportError } from "./daemon-errors.ts";
import { type ExecSession, type ExecStartInput, execSession, startFrame } from "./exec-session.ts";
import { readJson, successOf } from "./answers.ts";
import { AWAY_MS, comeBack, goingOn } from "./come-back.ts";
import { exchange } from "./http-exchange.ts";
import { beginOperation, endedWithDaemon, runOperation } from "./operation.ts";
import { rawStream } from "./raw-socket.ts";
import { upload } from "./upload.ts";
import { openWebSocket } from "./web-socket.ts";
import { followEvents, LAST_EVENT_FIELD } from "./event-stream.ts";
import { wireRequest, type WireRequest } from "./wire-request.ts";

/** Names of the routes of one kind. */
export type NameOf<C extends Routes, K extends RouteKind> = {
  [N in keyof C & string]: C[N]["kind"] extends K ? N : never;
}[keyof C & string];
export type Input<N extends keyof Contract> = RouteInput<Contract[N]>;
export type Result<N extends keyof Contract> = RouteResult<Contract[N]>;
/** Sockets that carry bytes and nothing else. */
export type RawSocketName<C extends Routes = Contract> = Exclude<NameOf<C, "socket">, "vmExec" | "vmSessionAttach">;

export interface ClientOptions {
  /** Where routes are found; those of banger itself unless told. */
  readonly endpoints?: Endpoints;
  /** The daemon's unix socket. */
  readonly socketPath: string;
  /**
   * Called when nobody listens there; resolves once somebody does, with the socket if that is another, and the request is
   * made again.
   */
  readonly startDaemon?: (signal: AbortSignal) => Promise<string | undefined>;
  /** Called with each request; rejects once it is known that no answer can come. Its signal aborts when one has come. */
  readonly watch?: (signal: AbortSignal) => Promise<never>;
  /**
   * Called when a daemon went away from somebody who follows something: resolves once one listens, with its socket if that is
   * another, and what was followed goes on. Absent: it fails.
   */
  readonly awaitDaemon?: (signal: AbortSignal) => Promise<string | undefined>;
  /** How long who follows something waits for a daemon that has gone away; half a minute unless told. */
  readonly awayMs?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface OperateOptions extends CallOptions {
  readonly progress?: ProgressSink;
  /** How long to listen to a cancelled operation's cleaning up; half a minute where nothing is said. */
  readonly cleanUpMs?: number;
}

/** As whom to attach. */
export type AttachStartInput = Omit<Extract<AttachClientFrame, { type: "start" }>, "type">;

type Fields = Readonly<Record<string, unknown>>;

/**
 * All that a daemon can be asked for, typed by the contract. Every method throws BangerError: what the daemon told,
 * `DAEMON_UNREACHABLE` where it cannot be reached, `CANCELLED` (or the signal's own reason) after an abort.
 */
export interface Client<C extends Routes = Contract> {
  call<N extends NameOf<C, "call">>(
    name: N,
    input: RouteInput<C[N]>,
    options?: CallOptions,
  ): Promise<RouteResult<C[N]>>;
  /** An abort cancels it in the daemon, and the promise settles when that has cleaned up, or with an error that says it still does. */
  operate<N extends NameOf<C, "operation">>(
    name: N,
    input: RouteInput<C[N]>,
    options?: OperateOptions,
  ): Promise<RouteResult<C[N]>>;
  /** Begins one that goes on by itself, and gives its id; what is refused at once is thrown. */
  begin<N extends NameOf<C, "operation">>(name: N, input: RouteInput<C[N]>, options?: CallOptions): Promise<string>;
  /**
   * Resolves once nothing is missed any more; events come until the signal aborts. While the daemon is started anew they
   * wait for it, and go on where they left off.
   */
  follow<N extends NameOf<C, "events">>(
    name: N,
    input: RouteInput<C[N]>,
    options?: CallOptions,
  ): Promise<AsyncIterable<RouteResult<C[N]>>>;
  text<N extends NameOf<C, "text">>(name: N, input: RouteInput<C[N]>, options?: CallOptions): AsyncIterable<Uint8Array>;
  /** Sends bytes as they come; an error of the source cuts the request off, and is thrown. A route that reads nothing of it may answer first. */
  upload<N extends NameOf<C, "upload">>(
    name: N,
    input: RouteInput<C[N]>,
    body: AsyncIterable<Uint8Array>,
    options?: CallOptions,
  ): Promise<RouteResult<C[N]>>;
  socket<N extends RawSocketName<C>>(name: N, input: RouteInput<C[N]>, options?: CallOptions): Promise<Duplex>;
  exec(input: Input<"vmExec">, start: ExecStartInput, options?: CallOptions): Promise<ExecSession>;
  /** To close it lets the session go, which goes on. */
  attach(input: Input<"vmSessionAttach">, start: AttachStartInput, options?: CallOptions): Promise<ExecSession>;
}

export function createClient<C extends Routes = Contract>({
  socketPath: expected,
  startDaemon,
  watch,
  awaitDaemon,
  awayMs = AWAY_MS,
  endpoints: known = endpoints,
}: ClientOptions): Client<C> {
  let socketPath = expected;
  const wireOf = (name: string, input: Fields): WireRequest => {
    const endpoint = known[name];
    if (endpoint === undefined) throw new Error(`no route is called ${name}`);
    return wireRequest(endpoint, input);
  };
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
  /** Makes a request again when the daemon is back. */
  const again =
    <T>(request: (signal: AbortSignal) => Promise<T>, signal: AbortSignal) =>
    async (loss: ConnectionLost): Promise<T> => {
      if (awaitDaemon === undefined) throw loss;
      const find = async (within: AbortSignal): Promise<void> => {
        socketPath = (await awaitDaemon(within)) ?? socketPath;
      };
      try {
        return await comeBack(loss, { awaitDaemon: find, signal, awayMs }, () => watched(watch, signal, request));
      } catch (error) {
        throw transportError(error, socketPath, signal);
      }
    };
  const followAgain =
    (run: (signal: AbortSignal) => Promise<unknown>, signal: AbortSignal) =>
    async (error: unknown): Promise<unknown> => {
      const loss = transportError(error, socketPath, signal);
      if (!(loss instanceof ConnectionLost)) throw error;
      return again(
        run,
        signal,
      )(loss).catch((later: unknown) => {
        throw endedWithDaemon(later);
      });
    };
  const openSocket = async (name: string, input: Fields, signal: AbortSignal): Promise<WebSocket> => {
    const wire = wireOf(name, input);
    try {
      return await reach(signal, (within) => openWebSocket(socketPath, wire, within));
    } catch (error) {
      throw transportError(error, socketPath, signal);
    }
  };

  return {
    async call(name, input, { signal = never() } = {}) {
      const wire = wireOf(name, input);
      try {
        return (await reach(
          signal,
          async (within) => {
            using request = exchange(socketPath, wire, within);
            return await readJson(await successOf(request.answer));
          },
          wire.method === "GET",
        )) as never;
      } catch (error) {
        throw transportError(error, socketPath, signal);
      }
    },

    async operate(name, input, { signal = never(), progress = noProgress, cleanUpMs } = {}) {
      const wire = wireOf(name, input);
      const run = (within: AbortSignal): Promise<unknown> =>
        runOperation(socketPath, wire, { signal: within, progress, cleanUpMs });
      try {
        const outcome = reach(signal, run, false);
        // To follow is all that a GET does: it may be asked again.
        return (await (wire.method === "GET" ? outcome.catch(followAgain(run, signal)) : outcome)) as never;
      } catch (error) {
        // No signal: what the daemon told of a cancelled operation counts.
        throw transportError(error, socketPath);
      }
    },

    async begin(name, input, { signal = never() } = {}) {
      const wire = wireOf(name, input);
      try {
        return await reach(signal, (within) => beginOperation(socketPath, wire, within), false);
      } catch (error) {
        throw transportError(error, socketPath, signal);
      }
    },

    async follow(name, input, { signal = never() } = {}) {
      const wire = wireOf(name, input);
      let last: string | undefined;
      const open = async (within: AbortSignal): Promise<AsyncIterable<never>> => {
        const fields = last === undefined ? {} : { [LAST_EVENT_FIELD]: last };
        const request = exchange(socketPath, { ...wire, fields }, within);
        const body = await successOf(request.answer);
        return followEvents(body, request, socketPath, signal, (id) => (last = id)) as AsyncGenerator<never>;
      };
      try {
        return goingOn(await reach(signal, open), again(open, signal));
      } catch (error) {
        throw transportError(error, socketPath, signal);
      }
    },

    async *text(name, input, { signal = never() } = {}) {
      const wire = wireOf(name, input);
      using requests = new DisposableStack();
      try {
        yield* await reach(signal, (within) => successOf(requests.use(exchange(socketPath, wire, within)).answer));
      } catch (error) {
        throw transportError(error, socketPath, signal);
      }
    },

    async upload(name, input, body, { signal = never() } = {}) {
      const wire = wireOf(name, input);
      try {
        return (await upload(body, (fields) =>
          reach(
            signal,
            async (within) => {
              const request = exchange(socketPath, { ...wire, fields }, within);
              await request.connected;
              return request;
            },
            false,
          ),
        )) as never;
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

    async attach(input, start, { signal = never() } = {}) {
      const webSocket = await openSocket("vmSessionAttach", input, signal);
      return execSession(webSocket, JSON.stringify({ type: "start", ...start }), signal);
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
