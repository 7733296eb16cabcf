import { HttpTransport, retryAfterMs, type HttpReply, type TransportOptions } from "./http-transport.ts";
import { rangeFrom } from "./range.ts";
import { Retry, TransientError, type RetryPolicy } from "./retry.ts";
import type { BangerError } from "../lib/errors.ts";

/** Takes what a server sends. */
export interface Receiver {
  /** How much is here already: a later attempt asks only for the rest. */
  readonly received: number;
  /** Forgets all: the server sends from the beginning. */
  restart(): Promise<void>;
  /** The chunk is valid until this ends. */
  write(chunk: Buffer): Promise<void>;
}

export interface ReceiveOptions extends TransportOptions {
  readonly retry: RetryPolicy;
  /** How an answer is told that is no file. */
  readonly unexpected: (status: number, why: string) => BangerError;
}

/**
 * Gets a file by HTTP, going on where it stopped when the connection breaks.
 *
 * What arrives is not trusted here: the caller verifies the content and bounds it in `write`.
 *
 * @throws BangerError as `options` make it, after all tries, or at once where trying again is no use (404); what `receiver`
 *         throws; the signal's reason.
 */
export async function receive(
  url: URL,
  receiver: Receiver,
  options: ReceiveOptions,
  signal: AbortSignal,
): Promise<void> {
  using transport = new HttpTransport(options);
  const retry = new Retry(options.retry, signal);
  let furthest = receiver.received;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await tryOnce(transport, url, receiver, options, signal);
    } catch (error) {
      if (error instanceof ReceiverFailed) throw error.cause;
      // A bad line that gets on is worth more patience than one that always breaks at the same place.
      if (receiver.received > furthest) retry.progressed();
      furthest = Math.max(furthest, receiver.received);
      await retry.failed(error);
    }
  }
}

async function tryOnce(
  transport: HttpTransport,
  url: URL,
  receiver: Receiver,
  { unexpected }: ReceiveOptions,
  signal: AbortSignal,
): Promise<void> {
  const start = receiver.received;
  const reply = await transport.send({ url, headers: rangeFrom(start), signal });
  const { status, headers } = reply;
  if (status < 200 || status > 299) {
    reply.discard();
    const failure = unexpected(status, `HTTP ${status} ${reply.statusText}`.trim());
    const isPassing = status >= 500 || status === 429;
    throw isPassing ? new TransientError(failure, retryAfterMs(headers)) : failure;
  }
  if (start > 0 && !continuesAt(reply, start)) await writing(receiver.restart());
  for await (const chunk of reply.body) await writing(receiver.write(chunk));
}

/** Tells the receiver's own errors (a full disk, a bound passed) from the network's. */
class ReceiverFailed extends Error {}

async function writing(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    throw new ReceiverFailed("receiver failed", { cause: error });
  }
}

function continuesAt({ status, headers }: HttpReply, start: number): boolean {
  return status === 206 && (headers["content-range"] ?? "").startsWith(`bytes ${start}-`);
}
