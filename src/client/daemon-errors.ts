import { isErrorCode } from "../lib/error-codes.ts";
import { BangerError, asBangerError, fromErrorBody, hasErrno, isAbort } from "../lib/errors.ts";

/** Whether nobody listens on the socket: nothing was sent, so it is safe to start a daemon and try again. */
export function isNobodyThere(error: unknown): boolean {
  return hasErrno(error, "ENOENT") || hasErrno(error, "ECONNREFUSED");
}

/**
 * Whether the daemon went away before it answered. One that is being killed still accepts for an instant, so what only
 * asks is asked again; what changes something may have been done.
 */
export function hungUp(error: unknown): boolean {
  return hasErrno(error, "ECONNRESET") || hasErrno(error, "EPIPE");
}

/** What became of a request that brought no answer, in words for a user. */
export function transportError(error: unknown, socketPath: string, signal?: AbortSignal): BangerError {
  if (signal?.aborted === true) return asBangerError(signal.reason);
  if (error instanceof BangerError || isAbort(error)) return asBangerError(error);
  if (isNobodyThere(error)) {
    return new BangerError("DAEMON_UNREACHABLE", {
      what: "bangerd is not running",
      why: `nothing listens on ${socketPath}`,
      fix: "start it with `banger daemon start`",
      cause: error,
    });
  }
  if (hasErrno(error, "EACCES")) {
    return new BangerError("DAEMON_UNREACHABLE", {
      what: "this user may not speak to bangerd",
      why: `${socketPath} belongs to somebody else`,
      fix: "run the command as the user who started bangerd",
      cause: error,
    });
  }
  return error instanceof Error && "code" in error ? connectionLost(error) : asBangerError(error);
}

/** The daemon went away in the middle of something. It may come back. */
export class ConnectionLost extends BangerError {}

/** The daemon went away in the middle of something. */
export function connectionLost(cause?: unknown): ConnectionLost {
  return new ConnectionLost("DAEMON_UNREACHABLE", {
    what: "the connection to bangerd broke",
    ...(cause instanceof Error && { why: cause.message }),
    fix: "see `banger daemon logs`, then try again: the next command starts it anew",
    cause,
  });
}

/** An answer that is none of the API's. */
export function notOurApi(why: string): BangerError {
  return new BangerError("DAEMON_UNREACHABLE", {
    what: "bangerd gave an answer that banger does not understand",
    why,
    fix: "restart it, so that both have the same version: `banger daemon stop`, then `banger daemon start`",
  });
}

/** Reads what stands under `error` in an answer. A code that only a newer daemon knows becomes `INTERNAL`. */
export function errorFromWire(body: unknown): BangerError {
  if (!isRecord(body) || typeof body["what"] !== "string" || typeof body["fix"] !== "string") {
    return notOurApi("an error without a text");
  }
  const { code, what, why, fix, data } = body;
  return fromErrorBody({
    code: typeof code === "string" && isErrorCode(code) ? code : "INTERNAL",
    what,
    fix,
    ...(typeof why === "string" && { why }),
    ...(isRecord(data) && { data }),
  });
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
