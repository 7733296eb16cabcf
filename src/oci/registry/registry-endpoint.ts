import { asBangerError, BangerError } from "../../lib/errors.ts";
import { isLoopbackHost } from "../../lib/address-guard.ts";
import { dockerCredentials } from "./docker-credentials.ts";
import { isCertificateError } from "../../http/http-agents.ts";
import { HttpTransport, isStream, retryAfterMs, type HttpReply, type HttpRequest } from "../../http/http-transport.ts";
import { DOCKER_HUB } from "../source/reference.ts";
import { REGISTRY_FAILURES } from "./registry-failures.ts";
import { answerChallenge, parseChallenge } from "./registry-auth.ts";
import { privateAuthorities, type RegistryOptions } from "./registry-options.ts";
import { TransientError } from "../../http/retry.ts";

/** Docker Hub's registry has another name than Docker Hub. */
const DOCKER_HUB_HOST = "registry-1.docker.io";

export interface RegistryQuestion extends HttpRequest {
  /** What a token must allow, where the registry does not say: `repository:NAME:pull`. */
  readonly scope: string;
}

/** One server that speaks the distribution protocol, with what is needed to be let in. */
export class RegistryEndpoint implements Disposable {
  readonly #base: URL;
  readonly #registry: string;
  readonly #transport: HttpTransport;
  readonly #options: RegistryOptions;
  /** Value of `Authorization` by scope. */
  readonly #granted = new Map<string, string>();

  private constructor(base: URL, registry: string, transport: HttpTransport, options: RegistryOptions) {
    this.#base = base;
    this.#registry = registry;
    this.#transport = transport;
    this.#options = options;
  }

  /**
   * @param server a registry's host, or a mirror's URL.
   * @throws TransientError if it must be asked whether it speaks https, and does not answer.
   */
  static async open(server: string, options: RegistryOptions, signal: AbortSignal): Promise<RegistryEndpoint> {
    const isUrl = /^https?:\/\//.test(server);
    const registry = isUrl ? new URL(server).host : server;
    const transport = new HttpTransport({
      ...options,
      authorities: await privateAuthorities(options, registry),
      failures: REGISTRY_FAILURES,
    });
    try {
      const base = isUrl ? new URL(server) : await chooseScheme(server, transport, options, signal);
      return new RegistryEndpoint(base, registry, transport, options);
    } catch (error) {
      transport[Symbol.dispose]();
      throw error;
    }
  }

  get host(): string {
    return this.#base.host;
  }

  /** The URL of something under /v2/. */
  url(path: string): URL {
    return new URL(`${this.#base.pathname.replace(/\/$/, "")}/v2/${path}`, this.#base);
  }

  /**
   * Asks for something, logging in when told to.
   *
   * @returns a reply with one of the statuses that are `expected`.
   * @throws BangerError `REGISTRY_DENIED`, `REGISTRY_FAILED`; TransientError for what may pass.
   */
  async ask(question: RegistryQuestion, expected: readonly number[]): Promise<HttpReply> {
    let reply = await this.#send(question);
    if (reply.status === 401) {
      reply.discard();
      const { body } = question;
      const isLoggedIn = await this.#logIn(reply, question);
      // A stream cannot be sent twice. A login that was good before has run out: whoever has the stream begins it anew.
      if (isLoggedIn && isStream(body)) throw new TransientError(asBangerError(statusError(this.host, reply)), 0);
      if (isLoggedIn) reply = await this.#send(question);
    }
    if (expected.includes(reply.status)) return reply;
    reply.discard();
    throw statusError(this.host, reply);
  }

  [Symbol.dispose](): void {
    this.#transport[Symbol.dispose]();
  }

  #send(question: RegistryQuestion): Promise<HttpReply> {
    const { scope, url, headers = {}, ...rest } = question;
    const authorization = url.origin === this.#base.origin ? this.#granted.get(scope) : undefined;
    return this.#transport.send({ ...rest, url, headers: { ...headers, ...(authorization && { authorization }) } });
  }

  async #logIn(denied: HttpReply, { scope, signal }: RegistryQuestion): Promise<boolean> {
    const challenge = parseChallenge(denied.headers["www-authenticate"]);
    if (challenge === undefined) return false;
    const credentials = await dockerCredentials(this.#options.dockerConfigFolder, this.#registry, signal);
    const asked = { registry: this.#base, linkedBy: denied };
    const answer = await answerChallenge(challenge, credentials, asked, scope, this.#transport, signal);
    if (answer === undefined) return false;
    this.#granted.set(scope, answer);
    return true;
  }
}

/** https, except where plain http is allowed and the server knows nothing else. */
async function chooseScheme(
  registry: string,
  transport: HttpTransport,
  options: RegistryOptions,
  signal: AbortSignal,
): Promise<URL> {
  const secure = new URL(`https://${registry === DOCKER_HUB ? DOCKER_HUB_HOST : registry}`);
  if (!isLoopbackHost(secure.hostname) && !options.insecure.includes(registry)) return secure;
  try {
    (await transport.send({ url: new URL("/v2/", secure), signal })).discard();
    return secure;
  } catch (error) {
    signal.throwIfAborted();
    const failure = error instanceof TransientError ? error.reported : error;
    const speaksTls = failure instanceof BangerError && isCertificateError(failure.cause);
    const unreachable = failure instanceof BangerError && failure.code === "REGISTRY_UNREACHABLE";
    if (speaksTls || !unreachable) throw error;
    return new URL(`http://${registry}`);
  }
}

/** What a status that nobody expected means: a TransientError where trying again may help. */
export function statusError(host: string, reply: HttpReply): Error {
  const { status } = reply;
  if (status === 401 || status === 403) {
    return new BangerError("REGISTRY_DENIED", {
      what: `${host} does not let us in`,
      why: `it answered ${status}: the image is private, or does not exist`,
      fix: "check the name, or log in with `docker login`",
    });
  }
  const error = new BangerError("REGISTRY_FAILED", {
    what: `${host} failed`,
    why: status === 429 ? "it answered 429: too many requests" : `it answered ${status}`,
    fix: "try again later",
    data: { status },
  });
  const passing = status === 408 || status === 425 || status === 429 || status >= 500;
  return passing ? new TransientError(error, retryAfterMs(reply.headers)) : error;
}
