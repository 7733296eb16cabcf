import * as http from "node:http";
import * as https from "node:https";
import { PassThrough, pipeline as join } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BangerError, hasErrno } from "../lib/errors.ts";
import { ForbiddenAddress, guardedLookup, isThisMachine, whyForbidden, type LinkedBy } from "../lib/address-guard.ts";
import { HttpAgents, isCertificateError, isUntrusted } from "./http-agents.ts";
import type { Failures } from "./failures.ts";
import { TransientError } from "./retry.ts";

/** When a server counts as gone. */
export interface Pace {
  /** Longest silence, in which neither a header nor a byte of a body comes. */
  readonly stallMs: number;
  /** Slowest body, on average, once `graceMs` have been spent waiting for it. */
  readonly minBytesPerSecond: number;
  readonly graceMs: number;
}

export const DEFAULT_PACE: Pace = { stallMs: 30_000, minBytesPerSecond: 1024, graceMs: 20_000 };

export interface TransportOptions {
  /** How what fails is told. */
  readonly failures: Failures;
  readonly pace?: Pace;
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Who named the server, where that was not the user. */
  readonly linkedBy?: LinkedBy | undefined;
  /** Certificates of private authorities, in PEM. */
  readonly authorities?: readonly string[];
  readonly maxRedirects?: number;
}

export interface HttpRequest {
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where it is no text, `content-length` must be among the headers. */
  readonly body?: string | Uint8Array | AsyncIterable<Buffer>;
  readonly signal: AbortSignal;
  /** The reply that sent us to this URL; absent where nobody did. */
  readonly linkedBy?: LinkedBy;
}

export interface HttpReply extends LinkedBy {
  readonly status: number;
  /** What the server calls it. */
  readonly statusText: string;
  readonly headers: http.IncomingHttpHeaders;
  /** Bytes as they come, each piece good until the next is asked for; must be read to the end or left by `return`. */
  readonly body: AsyncIterable<Buffer>;
  /** Throws the body away, and the connection with it. */
  discard(): void;
}

const MAX_REDIRECTS = 5;
const MAX_HEADER_BYTES = 64 * 1024;

/**
 * HTTP to servers out there, whatever they are: by the proxies that the environment names, with redirects that carry no
 * secrets and lead nowhere they must not, to servers that may be slow or hostile.
 */
export class HttpTransport implements Disposable {
  readonly #pace: Pace;
  readonly #agents: HttpAgents;
  readonly #linkedBy: LinkedBy | undefined;
  readonly #failures: Failures;
  readonly #maxRedirects: number;

  constructor(options: TransportOptions) {
    const { failures, pace = DEFAULT_PACE, env = process.env, linkedBy, authorities = [] } = options;
    this.#pace = pace;
    this.#agents = new HttpAgents(env, authorities);
    this.#linkedBy = linkedBy;
    this.#failures = failures;
    this.#maxRedirects = options.maxRedirects ?? MAX_REDIRECTS;
  }

  /**
   * Sends a request and follows redirects. `Authorization` stays with the origin that it was meant for, and so does a
   * body: a request that has one is not sent on. No server elsewhere leads to this machine, nor any to link-local
   * addresses; what counts is the address that is connected to. Behind a proxy, which looks names up by itself, only
   * addresses that stand in the URL can be refused.
   *
   * @throws TransientError where the server cannot be reached or falls silent; what {@link Failures}
   *         makes of a redirect that must not be followed.
   */
  async send(request: HttpRequest): Promise<HttpReply> {
    let { url, linkedBy = this.#linkedBy } = request;
    let headers: Record<string, string> = { "accept-encoding": "identity", "user-agent": "banger", ...request.headers };
    for (let redirects = 0; redirects <= this.#maxRedirects; redirects++) {
      const reply = await this.#trying({ ...request, url, headers, ...(linkedBy && { linkedBy }) });
      const location = reply.headers.location;
      const isRedirect = [301, 302, 303, 307, 308].includes(reply.status) && location !== undefined;
      if (!isRedirect || request.body !== undefined) return reply;
      reply.discard();
      const next = linkedUrl(url, location, this.#failures);
      if (next.origin !== url.origin) {
        const { authorization: _, ...rest } = headers;
        headers = rest;
      }
      url = next;
      linkedBy = reply;
    }
    throw this.#failures.refused(url, `it redirects more than ${this.#maxRedirects} times`);
  }

  [Symbol.dispose](): void {
    this.#agents[Symbol.dispose]();
  }

  async #trying(request: HttpRequest): Promise<HttpReply> {
    try {
      return await this.#once(request);
    } catch (error) {
      const untrusted = error instanceof BangerError && isUntrusted(error.cause);
      if (!untrusted || !this.#agents.trustHost()) throw error;
      return this.#once(request);
    }
  }

  #once({ method = "GET", url, headers, body, signal, linkedBy }: HttpRequest): Promise<HttpReply> {
    const forbidden = whyForbidden(url.hostname, linkedBy);
    if (forbidden !== undefined) throw this.#failures.refused(url, forbidden);
    const { promise, resolve, reject } = Promise.withResolvers<HttpReply>();
    const request = (url.protocol === "https:" ? https : http).request(url, {
      method,
      headers: { ...headers },
      agent: this.#agents.for(url, linkedBy),
      lookup: guardedLookup(url.hostname, linkedBy),
      maxHeaderSize: MAX_HEADER_BYTES,
      signal,
    });
    const silence = setTimeout(() => request.destroy(this.#stalled(url)), this.#pace.stallMs);
    request.on("drain", () => silence.refresh());
    request.once("response", (response) => {
      clearTimeout(silence);
      resolve({
        status: response.statusCode ?? 0,
        statusText: response.statusMessage ?? "",
        headers: response.headers,
        isHere: this.#isHere(url, response),
        body: this.#paced(response, url, signal),
        discard: () => response.destroy(),
      });
    });
    request.once("error", (error) => {
      clearTimeout(silence);
      reject(this.#connectionError(url, error, signal));
    });
    // After the response has come, errors show in its body.
    request.on("error", () => {});
    if (isStream(body))
      pipeline(body, request).catch((error: unknown) => reject(this.#connectionError(url, error, signal)));
    else request.end(body);
    return promise;
  }

  /** Whether this machine answered. Behind a proxy nobody knows, but for what stands in the URL. */
  #isHere(url: URL, { socket }: http.IncomingMessage): boolean {
    if (isThisMachine(url.hostname)) return true;
    return !this.#agents.mayAskProxy(url) && isThisMachine(socket.remoteAddress ?? "");
  }

  /** The body, ended by an error when it stalls or trickles. Only time spent waiting for the server counts. */
  async *#paced(response: http.IncomingMessage, url: URL, signal: AbortSignal): AsyncGenerator<Buffer> {
    const { stallMs, minBytesPerSecond, graceMs } = this.#pace;
    let isWaiting = true;
    const silence = setTimeout(() => isWaiting && response.destroy(this.#stalled(url)), stallMs);
    let received = 0;
    let waitedMs = 0;
    let waitingSince = performance.now();
    try {
      for await (const chunk of piecesOf(response)) {
        waitedMs += performance.now() - waitingSince;
        received += chunk.length;
        if (waitedMs > graceMs && received < (waitedMs / 1000) * minBytesPerSecond)
          throw this.#unreachable(url, `only ${received} bytes came in ${Math.round(waitedMs / 1000)} s`);
        isWaiting = false;
        yield chunk;
        release(chunk);
        isWaiting = true;
        waitingSince = performance.now();
        silence.refresh();
      }
    } catch (error) {
      throw this.#connectionError(url, error, signal);
    } finally {
      clearTimeout(silence);
      response.destroy();
    }
  }

  #connectionError(url: URL, error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    if (error instanceof TransientError || error instanceof BangerError) return error;
    if (error instanceof ForbiddenAddress) return this.#failures.refused(url, error.message);
    if (isCertificateError(error)) return this.#failures.untrusted(url, error);
    // Node calls a body that ends too early "aborted".
    const failure = this.#unreachable(
      url,
      hasErrno(error, "ECONNRESET") ? "the connection was cut" : reasonOf(error),
      error,
    );
    // A name that does not exist will not exist in a second either.
    return hasErrno(error, "ENOTFOUND") ? failure.reported : failure;
  }

  #stalled(url: URL): TransientError {
    return this.#unreachable(url, `nothing came for ${this.#pace.stallMs / 1000} s`);
  }

  #unreachable(url: URL, why: string, cause?: unknown): TransientError {
    return new TransientError(this.#failures.unreachable(url, why, cause));
  }
}

/**
 * A body's pieces as they come. Read from the response itself, those that have come together would be put together, and
 * what they were made of be left to the collector.
 */
function piecesOf(response: http.IncomingMessage): AsyncIterable<Buffer> {
  const pieces = new PassThrough({ readableObjectMode: true, readableHighWaterMark: 2 });
  // An error ends the pieces with it.
  join(response, pieces, () => {});
  return pieces;
}

/** To the collector a piece is a small object, so it lets some 30 MB of them pile up: their memory is given back here. */
function release({ byteLength, buffer }: Buffer): void {
  if (byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/** Where a name has several addresses and none answers, the error says nothing; those in it do. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(", ");
  return error instanceof Error ? error.message || error.name : String(error);
}

/** Whether a body can be sent but once. */
export function isStream(body: HttpRequest["body"]): body is AsyncIterable<Buffer> {
  return typeof body === "object" && Symbol.asyncIterator in body;
}

/**
 * Where a server sends us, by a redirect or to upload. Which machine that is, the request to it will be judged by.
 *
 * @throws BangerError as `refused` makes it, for where it has no business to.
 */
export function linkedUrl(from: URL, location: string, { refused }: Pick<Failures, "refused">): URL {
  if (!URL.canParse(location, from.href)) throw refused(from, "it redirects to what is no URL");
  const to = new URL(location, from);
  if (to.protocol !== "https:" && to.protocol !== "http:")
    throw refused(to, "a redirect may lead to http and https only");
  if (from.protocol === "https:" && to.protocol === "http:")
    throw refused(to, "a redirect may not leave https for http");
  // A relative one keeps what the user wrote into the URL.
  const bringsOwn = to.username !== "" || to.password !== "";
  const areOurs = to.origin === from.origin && to.username === from.username && to.password === from.password;
  if (bringsOwn && !areOurs) throw refused(to, "a redirect may not bring credentials");
  return to;
}

/** What a server asks for in Retry-After, in milliseconds: a number of seconds or a date (RFC 9110, 10.2.3). */
export function retryAfterMs(headers: http.IncomingHttpHeaders): number | undefined {
  const value = headers["retry-after"];
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  // Date.parse takes almost anything for a date; HTTP's begin with a day of the week.
  const date = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

/**
 * Reads a body whole.
 *
 * @throws what `tooLarge` makes, as soon as it is larger than `maxBytes`.
 */
export async function readBody(reply: HttpReply, maxBytes: number, tooLarge: () => Error): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of reply.body) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge();
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}
