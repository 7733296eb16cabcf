import { HttpTransport, type HttpReply } from "../../http/http-transport.ts";
import type { BlobSource } from "../source/image-source.ts";
import type { Descriptor } from "../manifest/manifest.ts";
import { rangeFrom } from "../../http/range.ts";
import { contentFrom } from "./partial-content.ts";
import { readAnswer, REGISTRY_FAILURES } from "./registry-failures.ts";
import { statusError } from "./registry-endpoint.ts";
import { privateAuthorities, registryOptions, type RegistryOptions } from "./registry-options.ts";
import { withRetry } from "../../http/retry.ts";

/**
 * Files on a web server, reached with the care that registries get: the host's and private authorities, proxies, redirects
 * that lead neither out of https nor to this machine, servers that stall, trickle or never end.
 */
export class UrlSource implements BlobSource, Disposable {
  readonly #url: URL;
  readonly #options: RegistryOptions;
  readonly #transport: HttpTransport;

  private constructor(url: URL, options: RegistryOptions, transport: HttpTransport) {
    this.#url = url;
    this.#options = options;
    this.#transport = transport;
  }

  /** @param url http or https; whether plain http may be spoken is the caller's to say. */
  static async open(url: URL, given: Partial<RegistryOptions> = {}): Promise<UrlSource> {
    const options = registryOptions(given);
    const authorities = await privateAuthorities(options, url.host);
    return new UrlSource(url, options, new HttpTransport({ ...options, authorities, failures: REGISTRY_FAILURES }));
  }

  /**
   * The file at the URL whole, or another one beside it.
   *
   * @throws BangerError `REGISTRY_FAILED` (its `data.status` 404 where there is none), `REGISTRY_UNREACHABLE`,
   *         `REGISTRY_DENIED`.
   */
  async read(maxBytes: number, what: string, signal: AbortSignal, url = this.#url): Promise<Buffer> {
    return withRetry(this.#options.retry, signal, async () => {
      const reply = await this.#get(url, 0, signal);
      return readAnswer(reply, maxBytes, what);
    });
  }

  /** The file at the URL, which is to be the blob. */
  async *openBlob(descriptor: Descriptor, offset: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    yield* contentFrom(await this.#get(this.#url, offset, signal), descriptor, offset);
  }

  [Symbol.dispose](): void {
    this.#transport[Symbol.dispose]();
  }

  async #get(url: URL, offset: number, signal: AbortSignal): Promise<HttpReply> {
    const reply = await this.#transport.send({ url, headers: rangeFrom(offset), signal });
    if (reply.status === 200 || (reply.status === 206 && offset > 0)) return reply;
    reply.discard();
    throw statusError(url.host, reply);
  }
}
