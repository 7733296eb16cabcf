import { Code, ConnectError } from "@connectrpc/connect";
import { asBangerError, BangerError } from "../lib/errors.ts";

/** Most that is shown of a text that comes from a guest. */
const MAX_GUEST_TEXT = 500;

/** Controls of a terminal, ends of lines, and what turns the direction of text (Unicode's bidirectional controls). */
const UNPRINTABLE =
  // oxlint-disable-next-line no-control-regex -- these are the characters to be taken away
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+/g;

/** What a guest says is not to be trusted: bounded, and without anything that a terminal would act on. */
export function guestText(text: string, maxLength = MAX_GUEST_TEXT): string {
  const printable = text.slice(0, maxLength + 1).replace(UNPRINTABLE, " ");
  return printable.length > maxLength ? `${printable.slice(0, maxLength)}…` : printable;
}

export function agentUnreachable(why: string, cause?: unknown): BangerError {
  return new BangerError("AGENT_UNREACHABLE", {
    what: "the agent in the guest cannot be reached",
    why,
    fix: "see whether the VM still runs with `banger vm list`, and its console with `banger vm logs`",
    cause,
  });
}

export function agentProtocol(why: string, cause?: unknown): BangerError {
  return new BangerError("AGENT_PROTOCOL", {
    what: "the agent in the guest answered with something else than was asked for",
    why: guestText(why),
    fix: "start the VM again; if it happens again, report it with the end of `banger vm logs`",
    cause,
  });
}

/**
 * What a call of the agent threw, in banger's words: an abort stays what it was, a broken line is `AGENT_UNREACHABLE`,
 * something that cannot be reached inside the guest `BAD_REQUEST`, and any other refusal `AGENT_PROTOCOL`.
 */
export function agentError(error: unknown, signal?: AbortSignal): Error {
  if (signal?.aborted === true) return asBangerError(signal.reason);
  if (error instanceof BangerError) return error;
  const said = ConnectError.from(error);
  const broke = said.cause instanceof BangerError ? said.cause : undefined;
  if (broke !== undefined) return broke;
  // What the agent itself has said comes without a cause; whatever happened to the line is one.
  if (said.cause !== undefined) return agentUnreachable(guestText(said.rawMessage), error);
  if (said.code === Code.Unavailable) {
    return new BangerError("BAD_REQUEST", {
      what: "the guest cannot reach what was asked for",
      why: guestText(said.rawMessage),
      fix: "check that something listens there, with `banger vm exec`",
      cause: error,
    });
  }
  if (said.code === Code.Canceled || said.code === Code.Aborted) {
    return agentUnreachable(guestText(said.rawMessage), error);
  }
  return agentProtocol(said.rawMessage, error);
}
