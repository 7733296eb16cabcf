import * as http from "node:http";
import * as https from "node:https";
import { getCACertificates } from "node:tls";
import { hasErrno } from "../lib/errors.ts";
import { isLoopbackHost, type LinkedBy } from "../lib/address-guard.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Connections to servers: kept open, through the proxies that the environment names, trusting whom the host trusts. */
export class HttpAgents implements Disposable {
  readonly #env: Environment;
  readonly #authorities: readonly string[];
  readonly #open = new Map<string, http.Agent>();
  #trustsHost = false;

  constructor(env: Environment, authorities: readonly string[]) {
    this.#env = env;
    this.#authorities = authorities;
  }

  /** @param linkedBy who named the URL: a connection that the user's word opened is not had by another's. */
  for(url: URL, linkedBy: LinkedBy | undefined): http.Agent {
    // No proxy reaches this machine's own servers: Go's clients, and so Docker's, leave it out as well.
    const direct = isLoopbackHost(url.hostname);
    const key = `${url.protocol} ${direct} ${linkedBy?.isHere}`;
    let agent = this.#open.get(key);
    if (agent === undefined) {
      const options = { keepAlive: true, ...(!direct && { proxyEnv: this.#env }) };
      agent =
        url.protocol === "https:" ? new https.Agent({ ...options, ca: this.#trusted() }) : new http.Agent(options);
      this.#open.set(key, agent);
    }
    return agent;
  }

  /**
   * Whether the environment names a proxy that may be between us and a URL's server. Where `no_proxy` excepts hosts by
   * entries of other kinds (ports, ranges), it may be that the proxy is not asked after all.
   */
  mayAskProxy(url: URL): boolean {
    const names = url.protocol === "https:" ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy", "HTTP_PROXY"];
    const isNamed = names.some((name) => (this.#env[name] ?? "") !== "");
    return isNamed && !isLoopbackHost(url.hostname) && !this.#isExcepted(url);
  }

  /** As Node reads the plain entries: `*`, a host, `.domain`. The name in small letters goes first, unless it is empty. */
  #isExcepted({ hostname }: URL): boolean {
    const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
    const entries = (this.#env["no_proxy"] || this.#env["NO_PROXY"] || "").toLowerCase().split(",");
    return entries
      .map((entry) => entry.trim())
      .some((entry) => entry === "*" || entry === host || (entry.startsWith(".") && `.${host}`.endsWith(entry)));
  }

  /**
   * Trusts the authorities of the host's own store too, from the next connection on. Reading them takes a fifth of a
   * second, and most servers need none but those that Node brings: so only once a certificate was not trusted.
   *
   * @returns false when that has been done before.
   */
  trustHost(): boolean {
    if (this.#trustsHost) return false;
    this.#trustsHost = true;
    this[Symbol.dispose]();
    return true;
  }

  [Symbol.dispose](): void {
    for (const agent of this.#open.values()) agent.destroy();
    this.#open.clear();
  }

  #trusted(): string[] | undefined {
    if (!this.#trustsHost && this.#authorities.length === 0) return undefined;
    const host = this.#trustsHost ? getCACertificates("system") : [];
    // Private authorities stand beside the public ones: redirects lead to other hosts.
    return [...getCACertificates("default"), ...host, ...this.#authorities];
  }
}

/** OpenSSL's X509_V_ERR_* for a certificate whose authority is not known. */
const UNTRUSTED: readonly string[] = [
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
];

export function isUntrusted(error: unknown): boolean {
  return UNTRUSTED.some((code) => hasErrno(error, code));
}

/** Whether a server was reached and its certificate is no good: another authority, another name, another time. */
export function isCertificateError(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return UNTRUSTED.includes(code) || /^(?:ERR_TLS_CERT_|CERT_)/.test(code);
}
