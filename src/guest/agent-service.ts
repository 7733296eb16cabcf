import { Code, ConnectError, type Client } from "@connectrpc/connect";
import { untilAborted, withDeadline } from "../lib/deadline.ts";
import { BangerError } from "../lib/errors.ts";
import type { ServiceStatus } from "../model/service.ts";
import { agentError, agentProtocol, guestText } from "./agent-errors.ts";
import type { ExecSpec } from "./agent-exec.ts";
import { signalNumber } from "./signal-number.ts";
import {
  RestartPolicy,
  ServiceState,
  type AgentService,
  type WatchServiceResponse,
} from "./gen/banger/agent/v1/agent_pb.ts";

/** A command for the agent to keep running. */
export interface SupervisedCommand extends Omit<ExecSpec, "tty"> {
  readonly restart: "no" | "on-failure" | "always";
  /** What asks it to end, as an image has it: `SIGQUIT`, `QUIT`, `3`. What is none asks with SIGTERM. */
  readonly stopSignal?: string | undefined;
}

const POLICIES = {
  no: RestartPolicy.NEVER,
  "on-failure": RestartPolicy.ON_FAILURE,
  always: RestartPolicy.ALWAYS,
} as const satisfies Record<SupervisedCommand["restart"], RestartPolicy>;

const STATES: Readonly<Record<ServiceState, ServiceStatus["state"]>> = {
  [ServiceState.UNSPECIFIED]: "stopped",
  [ServiceState.RUNNING]: "running",
  [ServiceState.RESTARTING]: "restarting",
  [ServiceState.EXITED]: "exited",
  [ServiceState.FAILED]: "failed",
  [ServiceState.STOPPED]: "stopped",
};

/** What is to come of a log that is there already, and the longest silence in it. */
const WRITTEN: LogBounds = { maxBytes: 32 * 1024 ** 2, pieceMs: 30_000, allMs: 120_000 };

type AgentRpc = Client<typeof AgentService>;

export async function startService(client: AgentRpc, command: SupervisedCommand, signal: AbortSignal): Promise<void> {
  const { argv, env, cwd, user, restart, stopSignal } = command;
  await client.startService(
    {
      command: { argv: [...argv], env: { ...env }, cwd, user },
      restart: POLICIES[restart],
      stopSignal: stopSignal === undefined ? 0 : signalNumber(stopSignal),
    },
    { signal },
  );
}

/** How the command does, now and whenever that changes, until the signal aborts or the line breaks. */
export async function* watchService(client: AgentRpc, signal: AbortSignal): AsyncGenerator<ServiceStatus> {
  try {
    for await (const message of client.watchService({}, { signal })) yield statusOf(message);
  } catch (error) {
    throw agentError(error, signal);
  }
}

/**
 * Resolves when the command has printed a line in this boot that matches, with that line.
 *
 * @param pattern as RE2 has them: matching costs no more than the log is long, whatever it says.
 * @throws BangerError `BAD_REQUEST` for what is no pattern; `GUEST_UNSUPPORTED` of an older agent.
 */
export async function awaitServiceLine(client: AgentRpc, pattern: string, signal: AbortSignal): Promise<string> {
  try {
    return guestText(Buffer.from((await client.awaitServiceLine({ pattern }, { signal })).line).toString());
  } catch (error) {
    const said = ConnectError.from(error);
    if (signal.aborted || said.cause !== undefined) throw agentError(error, signal);
    if (said.code === Code.InvalidArgument) {
      throw new BangerError("BAD_REQUEST", {
        what: `${pattern} is no regular expression`,
        why: guestText(said.rawMessage),
        fix: "write it as https://github.com/google/re2/wiki/Syntax says",
        cause: error,
      });
    }
    if (said.code === Code.Unimplemented) {
      throw new BangerError("GUEST_UNSUPPORTED", {
        what: "the agent in this VM cannot look for a line of a log",
        why: "it is of an older banger",
        fix: "`banger image refresh` its image, and make the VM anew",
        cause: error,
      });
    }
    throw agentError(error, signal);
  }
}

/** The last instant that RFC 3339 can write. A record with a later one could not be read again. */
const LAST_MS = Date.UTC(10_000, 0) - 1;

/** What a guest says of its command, in the shape in which it is kept: it may say anything. */
export function statusOf({
  state,
  pid,
  exitCode,
  restarts,
  sinceNs,
  error,
}: Omit<WatchServiceResponse, "$typeName" | "$unknown">): ServiceStatus {
  return {
    state: STATES[state] ?? "stopped",
    ...(pid > 0 && { pid }),
    ...(exitCode !== undefined && { exitCode }),
    restarts,
    since: new Date(Math.min(Math.max(Number(sinceNs / 1_000_000n), 0), LAST_MS)).toISOString(),
    ...(error !== "" && { error: guestText(error) }),
  };
}

/** Bounds of a log that is there already. An agent keeps twice 8 MiB. */
export interface LogBounds {
  readonly maxBytes: number;
  /** Between two pieces. */
  readonly pieceMs: number;
  /** All that is waited for pieces; how long they take to be read does not count. */
  readonly allMs: number;
}

/**
 * What the command has printed; with `follow`, what it prints, until the signal aborts.
 *
 * @throws BangerError `AGENT_PROTOCOL` for a log without end; `TIMED_OUT` for one that does not come.
 */
export async function* readServiceLog(
  client: AgentRpc,
  follow: boolean,
  signal: AbortSignal,
  { maxBytes, pieceMs, allMs } = WRITTEN,
): AsyncGenerator<Uint8Array> {
  const own = new AbortController();
  const either = AbortSignal.any([signal, own.signal]);
  try {
    const pieces = client.readServiceLog({ follow }, { signal: either })[Symbol.asyncIterator]();
    let leftMs = allMs;
    let bytes = 0;
    for (;;) {
      const asked = performance.now();
      // What is written already comes at once; what is yet to be written, whenever it is.
      const next = await (follow
        ? pieces.next()
        : withDeadline(signal, Math.min(pieceMs, Math.max(0, leftMs)), "the log of the VM's command", (within) =>
            untilAborted(pieces.next(), within),
          ));
      if (next.done === true) return;
      leftMs -= performance.now() - asked;
      bytes += next.value.text.length;
      if (!follow && bytes > maxBytes) throw agentProtocol(`its log has more than ${maxBytes} bytes`);
      yield next.value.text;
    }
  } catch (error) {
    throw agentError(error, signal);
  } finally {
    own.abort();
  }
}
