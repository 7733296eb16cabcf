import { Code, ConnectError } from "@connectrpc/connect";
import type { ErrorCode } from "../lib/error-codes.ts";
import { BangerError } from "../lib/errors.ts";
import { agentError, guestText } from "./agent-errors.ts";

interface Told {
  readonly code: ErrorCode;
  readonly fix: string;
}

/** What each code of the contract (sessions.proto) means to whoever asked. */
const TOLD: Partial<Record<Code, Told>> = {
  [Code.NotFound]: { code: "SESSION_NOT_FOUND", fix: "see those that there are with `banger session list VM`" },
  [Code.AlreadyExists]: { code: "NAME_TAKEN", fix: "choose another name, or delete that session" },
  [Code.Aborted]: {
    code: "SESSION_BUSY",
    fix: "take over with `banger session attach --steal`, or watch with `banger session attach --read-only`",
  },
  [Code.FailedPrecondition]: {
    code: "SESSION_WRONG_STATE",
    fix: "see how it does with `banger session inspect VM SESSION`",
  },
  [Code.ResourceExhausted]: { code: "GUEST_FULL", fix: "make room in the guest, or delete sessions that have ended" },
  [Code.InvalidArgument]: { code: "BAD_REQUEST", fix: "correct the request, and try again" },
  [Code.DeadlineExceeded]: { code: "TIMED_OUT", fix: "see what it does with `banger session attach --read-only`" },
  [Code.Unimplemented]: {
    code: "GUEST_UNSUPPORTED",
    fix: "the agent in this VM is of an older banger: `banger image refresh` its image, and make the VM anew",
  },
};

/** What a call about a session threw, in banger's words. */
export function sessionError(error: unknown, doing: string, signal?: AbortSignal): Error {
  if (error instanceof BangerError || signal?.aborted === true) return agentError(error, signal);
  const said = ConnectError.from(error);
  const told = said.cause === undefined ? TOLD[said.code] : undefined;
  if (told === undefined) return agentError(error, signal);
  return new BangerError(told.code, {
    what: `the guest could not ${doing}`,
    why: guestText(said.rawMessage),
    fix: told.fix,
    cause: error,
  });
}
