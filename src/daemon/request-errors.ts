import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { BangerError, asBangerError, toErrorBody } from "../lib/errors.ts";

/** An error with the HTTP status that it is told by. */
export interface Refusal {
  readonly status: number;
  readonly error: BangerError;
}

/** What a request is refused with: HTTP's own refusals (400, 413, 415, …) keep their status, in the form of all errors. */
export function refusalOf(error: unknown): Refusal {
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  if (typeof status === "number" && status >= 400 && status < 500 && error instanceof Error) {
    return { status, error: unreadable(error.message, error) };
  }
  const known = asBangerError(error);
  return { status: known.status, error: known };
}

/** A request that could not even be parsed as HTTP. */
export function refusalOfParser(error: Error & { readonly code?: string }): Refusal {
  const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
  return { status, error: unreadable(error.message, error) };
}

/** Nothing is served there. */
export function notServed(what: string): Refusal {
  const fix =
    "see `banger openapi` for what there is; a newer client needs a newer daemon: `banger daemon stop` starts it anew";
  return { status: 404, error: new BangerError("BAD_REQUEST", { what, fix }) };
}

export function unreadable(why: string, cause?: unknown): BangerError {
  return new BangerError("BAD_REQUEST", {
    what: "the request cannot be read",
    why,
    fix: "send JSON as `banger openapi` describes it",
    cause,
  });
}

/** Answers on a bare connection, and ends it. */
export function refuseOn(stream: Duplex, { status, error }: Refusal): void {
  const body = JSON.stringify({ error: toErrorBody(error) });
  // Whoever asked may be gone.
  stream.on("error", () => {});
  stream.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
