import { Code, ConnectError } from "@connectrpc/connect";
import type { ErrorCode } from "../lib/error-codes.ts";
import { BangerError } from "../lib/errors.ts";
import { agentError, guestText } from "./agent-errors.ts";

interface Told {
  readonly code: ErrorCode;
  readonly fix: string;
}

/** What each code of the contract (files.proto) means to whoever asked. */
const TOLD: Partial<Record<Code, Told>> = {
  [Code.NotFound]: {
    code: "PATH_NOT_FOUND",
    fix: "look at what is there with `banger vm exec`, and name one of those",
  },
  [Code.PermissionDenied]: { code: "FILE_DENIED", fix: "ask as a user of the guest who may; root unless told" },
  [Code.AlreadyExists]: { code: "FILE_EXISTS", fix: "choose another path, or let what is there be replaced" },
  [Code.FailedPrecondition]: { code: "FILE_UNFIT", fix: "choose a path where what is there fits what is asked for" },
  [Code.ResourceExhausted]: { code: "GUEST_FULL", fix: "make room in the guest, or ask for less at once" },
  [Code.InvalidArgument]: { code: "BAD_REQUEST", fix: "correct the path, or what is sent, and try again" },
  [Code.DeadlineExceeded]: { code: "FILE_FAILED", fix: "see what the guest's file systems do with `banger vm exec`" },
  [Code.Unknown]: { code: "FILE_FAILED", fix: "see the guest's kernel log with `banger vm logs`" },
  [Code.Unimplemented]: {
    code: "GUEST_UNSUPPORTED",
    fix: "the agent in this VM is of an older banger: `banger image refresh` its image, and make the VM anew",
  },
};

/** What a call about a guest's files threw, in banger's words. */
export function fileError(error: unknown, doing: string, signal?: AbortSignal): Error {
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
