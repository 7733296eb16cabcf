import type { IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { ForbiddenAddress } from "../../lib/address-guard.ts";
import { BangerError, isAbort } from "../../lib/errors.ts";
import { get, readBody } from "./http-get.ts";

/** A mirror that sends nothing for this long has stalled. */
const STALL_MS = 20_000;
const ATTEMPTS = 4;
const FIRST_DELAY_MS = 250;

/** Takes what a server sends. */
export interface Receiver {
  /** How much is here already: a later attempt asks only for the rest. */
  readonly received: number;
  /** Forgets all: the server sends from the beginning. */
  restart(): Promise<void>;
  /** The chunk is valid until this ends. */
  write(chunk: Buffer): Promise<void>;
}

/**
 * Gets a file by HTTP, going on where it stopped when the connection breaks.
 *
 * What arrives is not trusted here: redirects are followed, the caller verifies the content and bounds it in `write`.
 *
 * @throws BangerError `MIRROR_FAILED` after {@link ATTEMPTS} tries, or at once where trying again is no use (404);
 *         what `receiver` throws; the signal's reason.
 */
export async function receive(url: string, receiver: Receiver, signal: AbortSignal): Promise<void> {
  let furthest = receiver.received;
  for (let attempt = 1; ; attempt += 1) {
    const failure = await tryOnce(url, receiver, signal);
    if (failure === undefined) return;
    // A bad line that gets on is worth more patience than one that always breaks at the same place.
    if (receiver.received > furthest) attempt = 1;
    furthest = Math.max(furthest, receiver.received);
    if (!failure.passing || attempt >= ATTEMPTS) throw failed(url, failure);
    await delay(FIRST_DELAY_MS * 2 ** (attempt - 1), undefined, { signal });
  }
}

interface Failure {
  readonly why: string;
  /** Whether another try may help. */
  readonly passing: boolean;
  readonly status?: number;
  readonly cause?: unknown;
}

async function tryOnce(url: string, receiver: Receiver, signal: AbortSignal): Promise<Failure | undefined> {
  signal.throwIfAborted();
  const stalled = new AbortController();
  const stall = setTimeout(() => stalled.abort(), STALL_MS);
  try {
    const start = receiver.received;
    const either = AbortSignal.any([signal, stalled.signal]);
    // A mirror must not pack what it sends: hashes and ranges are of the file itself.
    const headers = {
      "accept-encoding": "identity",
      "user-agent": "banger",
      ...(start > 0 && { range: `bytes=${start}-` }),
    };
    const response = await get(new URL(url), headers, either);
    const { statusCode: status = 0, statusMessage = "" } = response;
    if (status < 200 || status > 299) {
      response.destroy();
      return { why: `HTTP ${status} ${statusMessage}`.trim(), passing: status >= 500 || status === 429, status };
    }
    if (start > 0 && !continuesAt(response, start)) await receiver.restart();
    const write = (chunk: Buffer): Promise<void> => {
      stall.refresh();
      return writeTo(receiver, chunk);
    };
    await readBody(response, write, either);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ReceiverFailed) throw error.cause;
    if (stalled.signal.aborted) return { why: `nothing came for ${STALL_MS / 1000} s`, passing: true, cause: error };
    return { why: networkReason(error), passing: !(isAbort(error) || error instanceof ForbiddenAddress), cause: error };
  } finally {
    clearTimeout(stall);
  }
}

/** Tells the receiver's own errors (a full disk, a bound passed) from the network's. */
class ReceiverFailed extends Error {}

async function writeTo(receiver: Receiver, chunk: Buffer): Promise<void> {
  try {
    await receiver.write(chunk);
  } catch (error) {
    throw new ReceiverFailed("receiver failed", { cause: error });
  }
}

function continuesAt({ statusCode, headers }: IncomingMessage, start: number): boolean {
  return statusCode === 206 && (headers["content-range"] ?? "").startsWith(`bytes ${start}-`);
}

/** Where a name has several addresses and none answers, the error says nothing; those in it do. */
function networkReason(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(networkReason).join(", ");
  return error instanceof Error ? error.message || error.name : String(error);
}

function failed(url: string, failure: Failure): BangerError {
  return new BangerError("MIRROR_FAILED", {
    what: `could not get ${url}`,
    why: failure.why,
    fix: "check the network, or name another mirror as `debian_mirror` in config.toml",
    cause: failure.cause,
    data: { url, ...(failure.status !== undefined && { status: failure.status }) },
  });
}

/**
 * A small file, in memory.
 *
 * @throws BangerError `MIRROR_FAILED`, also if it is longer than `maxBytes`.
 */
export async function fetchText(url: string, maxBytes: number, signal: AbortSignal): Promise<string> {
  let parts: Buffer[] = [];
  let received = 0;
  await receive(
    url,
    {
      get received() {
        return received;
      },
      async restart() {
        parts = [];
        received = 0;
      },
      async write(chunk) {
        received += chunk.length;
        if (received > maxBytes) throw failed(url, { why: `it is longer than ${maxBytes} bytes`, passing: false });
        parts.push(Buffer.from(chunk));
      },
    },
    signal,
  );
  return Buffer.concat(parts).toString("utf8");
}
