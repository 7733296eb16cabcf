import { ERROR_CODES, type ErrorCode } from "./error-codes.ts";

/** What a user is told: what failed, why, and what to do next. Each is one sentence without a full stop. */
export interface ErrorText {
  readonly what: string;
  readonly why?: string;
  readonly fix: string;
}

export interface ErrorDetails extends ErrorText {
  readonly cause?: unknown;
  /** Facts for programs (digests, paths, sizes), shown by `--json`. Never secrets. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** The one error type that crosses a layer of banger. Anything else that reaches the API is `INTERNAL`. */
export class BangerError extends Error {
  override readonly name = "BangerError";
  readonly code: ErrorCode;
  readonly what: string;
  readonly why: string | undefined;
  readonly fix: string;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, details: ErrorDetails) {
    super(
      details.why === undefined ? details.what : `${details.what}: ${details.why}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.code = code;
    this.what = details.what;
    this.why = details.why;
    this.fix = details.fix;
    this.data = details.data ?? {};
  }

  /** HTTP status of the API's answer. */
  get status(): number {
    return ERROR_CODES[this.code].status;
  }

  /** Exit status of the CLI. */
  get exit(): number {
    return ERROR_CODES[this.code].exit;
  }
}

/** The same error as it travels over the API. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly what: string;
  readonly why?: string | undefined;
  readonly fix: string;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

export function toErrorBody(error: unknown): ErrorBody {
  const e = asBangerError(error);
  return { code: e.code, what: e.what, why: e.why, fix: e.fix, data: e.data };
}

export function fromErrorBody(body: ErrorBody): BangerError {
  const { code, what, why, fix, data } = body;
  return new BangerError(code, { what, fix, ...(why !== undefined && { why }), ...(data !== undefined && { data }) });
}

/**
 * Wraps what was thrown unless it is a BangerError already. Aborts become `CANCELLED`, `AbortSignal.timeout` `TIMED_OUT`,
 * ENOSPC `DISK_FULL`.
 */
export function asBangerError(error: unknown): BangerError {
  if (error instanceof BangerError) return error;
  if (isTimeout(error) || (isAbort(error) && isTimeout(error.cause))) {
    return new BangerError("TIMED_OUT", {
      what: "it took too long",
      why: error.message,
      fix: "see `banger daemon logs`; try again when the host is less busy",
      cause: error,
    });
  }
  if (isAbort(error)) {
    // AbortSignal.any and friends carry the first reason: a deadline's own error comes through unchanged.
    if (error.cause instanceof BangerError) return error.cause;
    return new BangerError("CANCELLED", {
      what: "the operation was cancelled",
      fix: "run it again; nothing was left behind",
      cause: error,
    });
  }
  if (hasErrno(error, "ENOSPC") || hasErrno(error, "EDQUOT")) {
    return new BangerError("DISK_FULL", {
      what: "no space left on the disk",
      why: error.message,
      fix: "free some space, or move XDG_DATA_HOME to a larger disk; nothing was left behind",
      cause: error,
    });
  }
  return new BangerError("INTERNAL", {
    what: "an error that banger did not expect",
    why: error instanceof Error ? error.message : String(error),
    fix: "see `banger daemon logs`, and report it with those lines",
    cause: error,
  });
}

export function isAbort(error: unknown): error is Error {
  return error instanceof Error && (error.name === "AbortError" || hasErrno(error, "ABORT_ERR"));
}

/** What a signal of `AbortSignal.timeout` is aborted with (DOM Standard, 3.2). */
function isTimeout(error: unknown): error is Error {
  return error instanceof DOMException && error.name === "TimeoutError";
}

/** Whether `error` is a system error with this code, like `ENOENT`. */
export function hasErrno(error: unknown, code: string): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && error.code === code;
}
