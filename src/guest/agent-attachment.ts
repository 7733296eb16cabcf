import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Writable } from "node:stream";
import type { GuestSession, TerminalSize } from "../model/session.ts";
import { agentProtocol } from "./agent-errors.ts";
import { CreditedStdin } from "./credited-stdin.ts";
import { sessionError } from "./agent-session-errors.ts";
import { guestSession, sessionPiece, type SessionPiece } from "./agent-session-info.ts";
import {
  AttachSessionRequestSchema,
  type AttachSessionResponse,
  type SessionsService,
} from "./gen/banger/agent/v1/sessions_pb.ts";
import { messageQueue } from "./message-queue.ts";

export interface AttachRequest {
  readonly name: string;
  /** Be the one who writes. */
  readonly write: boolean;
  /** Take over from who writes now. */
  readonly steal: boolean;
  /** Of the writer's terminal, which the session's follows. */
  readonly size?: TerminalSize | undefined;
  /** How much of what was printed before is wanted. */
  readonly historyBytes: number;
}

/** What comes of a session that somebody is attached to. */
export type AttachEvent =
  | { readonly type: "output"; readonly piece: SessionPiece }
  /** All before was history. */
  | { readonly type: "live" }
  /** Another writes now. */
  | { readonly type: "taken" }
  /** The last. */
  | { readonly type: "ended"; readonly session: GuestSession };

/** A session and one who is attached to it. An abort of the signal lets it go; the session goes on. */
export interface AgentAttachment {
  readonly session: GuestSession;
  readonly stdin: Writable;
  resize(size: TerminalSize): void;
  signal(number: number): void;
  /** To be taken to its end, or given up: then the session is let go. */
  readonly events: AsyncGenerator<AttachEvent>;
}

type RequestInit = NonNullable<MessageInitShape<typeof AttachSessionRequestSchema>["message"]>;

/** Attaches, and resolves once the guest has said what the session is. */
export async function openAttachment(
  client: Client<typeof SessionsService>,
  { name, write, steal, size, historyBytes }: AttachRequest,
  signal: AbortSignal,
): Promise<AgentAttachment> {
  const doing = `attach to session ${name}`;
  const own = new AbortController();
  const requests = messageQueue<ReturnType<typeof request>>();
  requests.push(
    request({
      case: "start",
      value: { name, write, steal, historyBytes: BigInt(historyBytes), ...(size && { size: { ...size } }) },
    }),
  );
  const either = AbortSignal.any([signal, own.signal]);
  const responses = client.attachSession(requests, { signal: either })[Symbol.asyncIterator]();
  try {
    const first = await responses.next();
    const message = first.done === true ? undefined : first.value.message;
    if (message?.case !== "started") throw agentProtocol("it did not say what the session is");
    const stdin = new CreditedStdin(message.value.stdinCredit, (piece) =>
      requests.push(request({ case: "stdin", value: piece })),
    );
    stdin.on("error", () => {});
    const letGo = (): void => {
      requests.end();
      stdin.destroy();
      own.abort();
    };
    return {
      session: guestSession(message.value.session),
      stdin,
      resize: ({ rows, cols }) => requests.push(request({ case: "resize", value: { rows, cols } })),
      signal: (number) => requests.push(request({ case: "signal", value: number })),
      events: eventsOf(responses, stdin, { doing, signal, letGo }),
    };
  } catch (error) {
    own.abort();
    throw sessionError(error, doing, signal);
  }
}

interface Ending {
  readonly doing: string;
  readonly signal: AbortSignal;
  readonly letGo: () => void;
}

async function* eventsOf(
  responses: AsyncIterator<AttachSessionResponse>,
  stdin: CreditedStdin,
  { doing, signal, letGo }: Ending,
): AsyncGenerator<AttachEvent> {
  try {
    for (;;) {
      const next = await responses.next();
      if (next.done === true) throw agentProtocol("it did not say how the session ended");
      const { message } = next.value;
      switch (message.case) {
        case "output":
          yield { type: "output", piece: sessionPiece(message.value) };
          break;
        case "stdinCredit":
          stdin.addCredit(message.value);
          break;
        case "live":
        case "taken":
          yield { type: message.case };
          break;
        case "ended":
          yield { type: "ended", session: guestSession(message.value) };
          return;
        default:
          throw agentProtocol(`it sent ${message.case ?? "an empty message"} in the midst of a session`);
      }
    }
  } catch (error) {
    throw sessionError(error, doing, signal);
  } finally {
    letGo();
  }
}

function request(message: RequestInit) {
  return create(AttachSessionRequestSchema, { message });
}
