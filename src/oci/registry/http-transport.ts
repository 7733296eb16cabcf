import * as http from "node:http";
import * as https from "node:https";
import { pipeline } from "node:stream/promises";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import {
  ForbiddenAddress,
  guardedLookup,
  isThisMachine,
  whyForbidden,
  type LinkedBy,
} from "../../lib/address-guard.ts";
import { HttpAgents, isCertificateError, isUntrusted } from "./http-agents.ts";
import type { Pace, RegistryOptions } from "./registry-options.ts";
import { TransientError } from "./retry.ts";

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
  readonly headers: http.IncomingHttpHeaders;
  /** Bytes as they come; must be read to the end or left by `return`. */
  readonly body: AsyncIterable<Buffer>;
  /** Throws the body away, and the connection with it. */
  discard(): void;
}

const MAX_REDIRECTS = 5;
const MAX_HEADER_BYTES = 64 * 1024;

/** HTTP as a registry's client needs it: redirects that carry no secrets, servers that may be slow or hostile. */
export class HttpTransport implements Disposable {
  readonly #pace: Pace;
  readonly #agents: HttpAgents;
  readonly #linkedBy: LinkedBy | undefined;

  /** @param linkedBy who named the server, where that was not the user. */
  constructor(
    { pace, env, linkedBy }: Pick<RegistryOptions, "pace" | "env" | "linkedBy">,
    authorities: readonly string[],
  ) {
    this.#pace = pace;
    this.#agents = new HttpAgents(env, authorities);
    this.#linkedBy = linkedBy;
  }

  /**
   * Sends a request and follows redirects. `Authorization` stays with the origin that it was meant for, and so does a
   * body: a request that has one is not sent on. No server elsewhere leads to this machine, nor any to link-local
   * addresses; what counts is the address that is connected to. Behind a proxy, which looks names up by itself, only
   * addresses that stand in the URL can be refused.
   *
   * @throws TransientError where the server cannot be reached or falls silent; BangerError `REGISTRY_FAILED` for a
   *         redirect that must not be followed.
   */
  async send(request: HttpRequest): Promise<HttpReply> {
    let { url, linkedBy = this.#linkedBy } = request;
    let headers: Record<string, string> = { "accept-encoding": "identity", "user-agent": "banger", ...request.headers };
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const reply = await this.#trying({ ...request, url, headers, ...(linkedBy && { linkedBy }) });
      const location = reply.headers.location;
      const isRedirect = [301, 302, 303, 307, 308].includes(reply.status) && location !== undefined;
      if (!isRedirect || request.body !== undefined) return reply;
      reply.discard();
      const next = linkedUrl(url, location);
      if (next.origin !== url.origin) {
        const { authorization: _, ...rest } = headers;
        headers = rest;
      }
      url = next;
      linkedBy = reply;
    }
    throw refused(url, `it redirects more than ${MAX_REDIRECTS} times`);
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
    if (forbidden !== undefined) throw refused(url, forbidden);
    const { promise, resolve, reject } = Promise.withResolvers<HttpReply>();
    const request = (url.protocol === "https:" ? https : http).request(url, {
      method,
      headers: { ...headers },
      agent: this.#agents.for(url, linkedBy),
      lookup: guardedLookup(url.hostname, linkedBy),
      maxHeaderSize: MAX_HEADER_BYTES,
      signal,
    });
    const silence = setTimeout(() => request.destroy(stalled(url, this.#pace)), this.#pace.stallMs);
    request.on("drain", () => silence.refresh());
    request.once("response", (response) => {
      clearTimeout(silence);
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        isHere: this.#isHere(url, response),
        body: this.#paced(response, url, signal),
        discard: () => response.destroy(),
      });
    });
    request.once("error", (error) => {
      clearTimeout(silence);
      reject(connectionError(url, error, signal));
    });
    // After the response has come, errors show in its body.
    request.on("error", () => {});
    if (isStream(body)) pipeline(body, request).catch((error: unknown) => reject(connectionError(url, error, signal)));
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
    const silence = setTimeout(() => isWaiting && response.destroy(stalled(url, this.#pace)), stallMs);
    let received = 0;
    let waitedMs = 0;
    let waitingSince = performance.now();
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        waitedMs += performance.now() - waitingSince;
        received += chunk.length;
        if (waitedMs > graceMs && received < (waitedMs / 1000) * minBytesPerSecond)
          throw tooSlow(url, received, waitedMs);
        isWaiting = false;
        yield chunk;
        isWaiting = true;
        waitingSince = performance.now();
        silence.refresh();
      }
    } catch (error) {
      throw connectionError(url, error, signal);
    } finally {
      clearTimeout(silence);
      response.destroy();
    }
  }
}

/** Whether a body can be sent but once. */
export function isStream(body: HttpRequest["body"]): body is AsyncIterable<Buffer> {
  return typeof body === "object" && Symbol.asyncIterator in body;
}

/**
 * Where a server sends us, by a redirect or to upload. Which machine that is, the request to it will be judged by.
 *
 * @throws BangerError `REGISTRY_FAILED` for where it has no business to.
 */
export function linkedUrl(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href)) throw refused(from, "it redirects to what is no URL");
  const to = new URL(location, from);
  if (to.protocol !== "https:" && to.protocol !== "http:")
    throw refused(to, "a redirect may lead to http and https only");
  if (from.protocol === "https:" && to.protocol === "http:")
    throw refused(to, "a redirect may not leave https for http");
  if (to.username !== "" || to.password !== "") throw refused(to, "a redirect may not bring credentials");
  return to;
}

function refused(url: URL, why: string): BangerError {
  return new BangerError("REGISTRY_FAILED", {
    what: `banger does not go to ${url.host}`,
    why,
    fix: "ask whoever runs the registry",
  });
}

function stalled(url: URL, pace: Pace): TransientError {
  return unreachable(url, `nothing came for ${pace.stallMs / 1000} s`);
}

function tooSlow(url: URL, bytes: number, ms: number): TransientError {
  return unreachable(url, `only ${bytes} bytes came in ${Math.round(ms / 1000)} s`);
}

function connectionError(url: URL, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof TransientError || error instanceof BangerError) return error;
  if (error instanceof ForbiddenAddress) return refused(url, error.message);
  if (isCertificateError(error)) return badCertificate(url, error);
  const message = error instanceof Error ? error.message : String(error);
  // Node calls a body that ends too early "aborted".
  const failure = unreachable(url, hasErrno(error, "ECONNRESET") ? "the connection was cut" : message, error);
  // A name that does not exist will not exist in a second either.
  return hasErrno(error, "ENOTFOUND") ? failure.reported : failure;
}

function badCertificate(url: URL, cause: unknown): BangerError {
  return new BangerError("REGISTRY_UNREACHABLE", {
    what: `the certificate of ${url.host} is not trusted`,
    why: cause instanceof Error ? cause.message : String(cause),
    fix: `put the authority that signed it into /etc/docker/certs.d/${url.host}/ca.crt, or name it as ca_file below [registries."${url.host}"] in config.toml`,
    cause,
  });
}

function unreachable(url: URL, why: string, cause?: unknown): TransientError {
  return new TransientError(
    new BangerError("REGISTRY_UNREACHABLE", {
      what: `${url.host} does not answer as it should`,
      why,
      fix: "check the name, the network and HTTPS_PROXY, then try again",
      cause,
    }),
  );
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
 * @throws BangerError `REGISTRY_FAILED` as soon as it is larger than `maxBytes`.
 */
export async function readBody(reply: HttpReply, maxBytes: number, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of reply.body) {
    length += chunk.length;
    if (length > maxBytes) {
      throw new BangerError("REGISTRY_FAILED", {
        what: `the registry's ${what} is too large`,
        why: `at most ${maxBytes} bytes are read`,
        fix: "ask whoever runs the registry",
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
