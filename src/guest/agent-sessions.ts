import type { Client } from "@connectrpc/connect";
import { untilAborted, withDeadline } from "../lib/deadline.ts";
import type { GuestSession, TerminalSize } from "../model/session.ts";
import { agentProtocol } from "./agent-errors.ts";
import { rejected, type ExecSpec } from "./agent-exec.ts";
import type { BoundedCall } from "./agent-files.ts";
import { openAttachment, type AgentAttachment, type AttachRequest } from "./agent-attachment.ts";
import { sessionError } from "./agent-session-errors.ts";
import { guestSession, sessionPiece, type SessionPiece } from "./agent-session-info.ts";
import type { SessionsService } from "./gen/banger/agent/v1/sessions_pb.ts";

export interface SessionSpec extends ExecSpec {
  /** Empty: one is made from the program's. */
  readonly name: string;
  /** Whether it can be sent to; a terminal always can. */
  readonly keepStdin: boolean;
}

export interface SessionLogRequest {
  readonly follow: boolean;
  /** Milliseconds since 1970, by the guest's clock. */
  readonly sinceMs?: number | undefined;
}

/** A guest's sessions. All throw BangerError: `SESSION_NOT_FOUND`, `SESSION_WRONG_STATE`, `SESSION_BUSY`, `NAME_TAKEN`, `GUEST_FULL`, `GUEST_UNSUPPORTED`, `AGENT_UNREACHABLE`. */
export interface AgentSessions {
  /** @throws BangerError `EXEC_FAILED` with `data.exitCode` as a shell would have it. */
  create(spec: SessionSpec, signal: AbortSignal): Promise<GuestSession>;
  list(signal: AbortSignal): Promise<readonly GuestSession[]>;
  inspect(name: string, signal: AbortSignal): Promise<GuestSession>;
  /** Resolves when the session has ended. */
  wait(name: string, signal: AbortSignal): Promise<GuestSession>;
  attach(request: AttachRequest, signal: AbortSignal): Promise<AgentAttachment>;
  /** What it has printed; with `follow`, until it ends. */
  log(name: string, request: SessionLogRequest, signal: AbortSignal): AsyncGenerator<SessionPiece>;
  /** Writes to its stdin; `end` is the end of that. */
  send(name: string, data: Uint8Array, end: boolean, signal: AbortSignal): Promise<void>;
  resize(name: string, size: TerminalSize, signal: AbortSignal): Promise<void>;
  signal(name: string, number: number, signal: AbortSignal): Promise<void>;
  /** Kills it. One that has ended is left alone. */
  end(name: string, signal: AbortSignal): Promise<GuestSession>;
  delete(name: string, force: boolean, signal: AbortSignal): Promise<void>;
}

/** Bytes in one message that is sent to a session: what the agent takes at once. */
export const SEND_BYTES = 64 * 1024;

const MAX_SESSIONS = 1000;

/** What is to come of a log that is there already, of which an agent keeps 8 MiB; and the longest silence in it. */
const MAX_LOG_BYTES = 64 * 1024 ** 2;
const LOG_PIECE_MS = 30_000;

/** The calls about sessions over one connection. */
export function agentSessions(client: Client<typeof SessionsService>, call: BoundedCall): AgentSessions {
  const ask = <T>(signal: AbortSignal, doing: string, work: (within: AbortSignal) => Promise<T>): Promise<T> =>
    call(signal, `the guest to ${doing}`, async (within) => {
      try {
        return await work(within);
      } catch (error) {
        throw sessionError(error, doing, within);
      }
    });
  return {
    create: (spec, signal) =>
      ask(signal, "start the session", async (within) => {
        const { argv, env, cwd, user, tty, name, keepStdin } = spec;
        const { outcome } = await client.createSession(
          {
            name,
            keepStdin,
            command: {
              argv: [...argv],
              env: { ...env },
              cwd,
              user,
              ...(tty && { tty: { size: { rows: tty.rows, cols: tty.cols }, term: tty.term } }),
            },
          },
          { signal: within },
        );
        if (outcome.case === "rejected") throw rejected(spec, outcome.value);
        return guestSession(outcome.case === "session" ? outcome.value : undefined);
      }),
    list: (signal) =>
      ask(signal, "tell its sessions", async (within) => {
        const { sessions } = await client.listSessions({}, { signal: within });
        if (sessions.length > MAX_SESSIONS) throw agentProtocol(`it told of ${sessions.length} sessions`);
        return sessions.map((one) => guestSession(one));
      }),
    inspect: (name, signal) =>
      ask(signal, `tell of session ${name}`, async (within) =>
        guestSession((await client.getSession({ name }, { signal: within })).session),
      ),
    async wait(name, signal) {
      const doing = `wait for session ${name}`;
      try {
        let last: GuestSession | undefined;
        for await (const { session } of client.watchSession({ name }, { signal })) {
          last = guestSession(session);
          if (last.state !== "running") return last;
        }
        throw agentProtocol("it did not say how the session ended");
      } catch (error) {
        throw sessionError(error, doing, signal);
      }
    },
    attach: (request, signal) => openAttachment(client, request, signal),
    log: (name, request, signal) => readSessionLog(client, name, request, signal),
    send: (name, data, end, signal) =>
      ask(signal, `send to session ${name}`, async (within) => {
        await client.sendToSession({ name, data, end }, { signal: within });
      }),
    resize: (name, { rows, cols }, signal) =>
      ask(signal, `resize session ${name}`, async (within) => {
        await client.resizeSession({ name, size: { rows, cols } }, { signal: within });
      }),
    signal: (name, number, signal) =>
      ask(signal, `send a signal to session ${name}`, async (within) => {
        await client.signalSession({ name, signal: number }, { signal: within });
      }),
    end: (name, signal) =>
      ask(signal, `kill session ${name}`, async (within) =>
        guestSession((await client.endSession({ name }, { signal: within })).session),
      ),
    delete: (name, force, signal) =>
      ask(signal, `delete session ${name}`, async (within) => {
        await client.deleteSession({ name, force }, { signal: within });
      }),
  };
}

async function* readSessionLog(
  client: Client<typeof SessionsService>,
  name: string,
  { follow, sinceMs }: SessionLogRequest,
  signal: AbortSignal,
): AsyncGenerator<SessionPiece> {
  const own = new AbortController();
  const sinceNs = BigInt(Math.trunc(sinceMs ?? 0)) * 1_000_000n;
  try {
    const either = AbortSignal.any([signal, own.signal]);
    const pieces = client.readSessionLog({ name, follow, sinceNs }, { signal: either })[Symbol.asyncIterator]();
    let bytes = 0;
    for (;;) {
      // What is written already comes at once; what is yet to be printed, whenever it is.
      const next = await (follow
        ? pieces.next()
        : withDeadline(signal, LOG_PIECE_MS, `the log of session ${name}`, (within) =>
            untilAborted(pieces.next(), within),
          ));
      if (next.done === true) return;
      const piece = sessionPiece(next.value.output);
      bytes += piece.kind === "size" ? 0 : piece.bytes.length;
      if (!follow && bytes > MAX_LOG_BYTES) throw agentProtocol(`a session's log has more than ${MAX_LOG_BYTES} bytes`);
      yield piece;
    }
  } catch (error) {
    throw sessionError(error, `read the log of session ${name}`, signal);
  } finally {
    own.abort();
  }
}
