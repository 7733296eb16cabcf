import type { LinkedBy } from "../../lib/address-guard.ts";
import { formatBytes } from "../../lib/bytes.ts";
import { BangerError } from "../../lib/errors.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { digestOf, shortDigest, type Digest } from "../manifest/digest.ts";
import { linkedUrl, type HttpReply } from "../../http/http-transport.ts";
import type { Descriptor } from "../manifest/manifest.ts";
import { formatReference, type RegistryReference } from "../source/reference.ts";
import { RegistryEndpoint, type RegistryQuestion } from "../registry/registry-endpoint.ts";
import { REGISTRY_FAILURES } from "../registry/registry-failures.ts";
import { registryOptions, type RegistryOptions } from "../registry/registry-options.ts";
import { FIRST_RETRY, withRetry } from "../../http/retry.ts";

/** A blob to be sent, and how to read it, from its start each time. */
export interface OutgoingBlob {
  readonly descriptor: Descriptor;
  readonly open: () => AsyncIterable<Buffer>;
}

/** An image or artefact to be sent: its manifest's own bytes, and the blobs that these name. */
export interface OutgoingImage {
  readonly manifest: Uint8Array;
  readonly mediaType: string;
  readonly blobs: readonly OutgoingBlob[];
}

export interface PushedImage {
  readonly digest: Digest;
  readonly blobs: readonly { readonly digest: Digest; readonly reused: boolean }[];
}

/**
 * Sends an image to a registry (OCI distribution spec, "Push"). Blobs that it has already are not sent; the manifest goes
 * last, so that no one finds an image that is not complete.
 *
 * @throws BangerError `REFERENCE_INVALID` without a tag; `REGISTRY_DENIED`, `REGISTRY_FAILED`, `REGISTRY_UNREACHABLE`.
 */
export async function pushImage(
  reference: RegistryReference,
  image: OutgoingImage,
  operation: OperationContext,
  given: Partial<RegistryOptions> = {},
): Promise<PushedImage> {
  if (reference.tag === undefined) throw noTag(reference);
  const options = registryOptions(given);
  const { signal } = operation;
  using endpoint = await withRetry(options.retry, signal, () =>
    RegistryEndpoint.open(reference.registry, options, signal),
  );
  const push = new Push(endpoint, reference.repository, operation);
  const blobs: { digest: Digest; reused: boolean }[] = [];
  for (const blob of image.blobs) {
    const reused = await withRetry(options.retry, signal, () => push.sendBlob(blob));
    blobs.push({ digest: blob.descriptor.digest, reused });
  }
  const { tag } = reference;
  await withRetry(options.retry, signal, () => push.sendManifest(image, tag));
  return { digest: digestOf(image.manifest), blobs };
}

/**
 * Asks a registry whether it would take this image, before the work that goes into it: an upload is begun, and given up.
 *
 * @throws BangerError as {@link pushImage}.
 */
export async function checkPush(
  reference: RegistryReference,
  operation: OperationContext,
  given: Partial<RegistryOptions> = {},
): Promise<void> {
  if (reference.tag === undefined) throw noTag(reference);
  const options = registryOptions({ retry: FIRST_RETRY, ...given });
  const { signal } = operation;
  using endpoint = await withRetry(options.retry, signal, () =>
    RegistryEndpoint.open(reference.registry, options, signal),
  );
  const push = new Push(endpoint, reference.repository, operation);
  const begun = await withRetry(options.retry, signal, () => push.beginUpload());
  await push.giveUp(begun);
}

/** Where an upload goes, and who said so. */
interface Upload {
  readonly url: URL;
  readonly linkedBy: LinkedBy;
}

class Push {
  readonly #endpoint: RegistryEndpoint;
  readonly #repository: string;
  readonly #scope: string;
  readonly #operation: OperationContext;

  constructor(endpoint: RegistryEndpoint, repository: string, operation: OperationContext) {
    this.#endpoint = endpoint;
    this.#repository = repository;
    this.#scope = `repository:${repository}:pull,push`;
    this.#operation = operation;
  }

  /** @returns whether the registry had the blob already. */
  async sendBlob({ descriptor, open }: OutgoingBlob): Promise<boolean> {
    const { digest, size } = descriptor;
    const { progress } = this.#operation;
    const event = {
      id: `push:${digest}`,
      label: `pushing ${shortDigest(digest)}`,
      total: size,
      unit: "bytes",
    } as const;
    if (await this.#has(digest)) {
      progress({ ...event, done: size, status: "done", note: "already there" });
      return true;
    }
    const { url, linkedBy } = await this.beginUpload();
    url.searchParams.set("digest", digest);
    const report = (done: number): void => progress({ ...event, done, status: "running" });
    const headers = { "content-type": "application/octet-stream", "content-length": String(size) };
    (await this.#ask("PUT", url, [201], { headers, body: counted(open(), report), linkedBy })).discard();
    progress({ ...event, done: size, status: "done", note: formatBytes(size) });
    return false;
  }

  /** @returns where the upload goes. It may be another host, which then gets no credentials of ours. */
  async beginUpload(): Promise<Upload> {
    const upload = await this.#ask("POST", this.#url("blobs/uploads/"), [202]);
    const location = upload.headers.location;
    upload.discard();
    if (location === undefined) throw failed(this.#endpoint.host, "it does not say where to upload to");
    return { url: linkedUrl(this.#url("blobs/uploads/"), location, REGISTRY_FAILURES), linkedBy: upload };
  }

  /** Not every registry knows this; one that does not forgets the upload by itself. */
  async giveUp({ url, linkedBy }: Upload): Promise<void> {
    try {
      (await this.#ask("DELETE", url, [202, 204, 404], { linkedBy })).discard();
    } catch {
      this.#operation.signal.throwIfAborted();
    }
  }

  async sendManifest({ manifest, mediaType }: OutgoingImage, tag: string): Promise<void> {
    const headers = { "content-type": mediaType, "content-length": String(manifest.length) };
    (await this.#ask("PUT", this.#url(`manifests/${tag}`), [201], { headers, body: manifest })).discard();
  }

  async #has(digest: Digest): Promise<boolean> {
    const reply = await this.#ask("HEAD", this.#url(`blobs/${digest}`), [200, 404]);
    reply.discard();
    return reply.status === 200;
  }

  #url(path: string): URL {
    return this.#endpoint.url(`${this.#repository}/${path}`);
  }

  #ask(
    method: "HEAD" | "POST" | "PUT" | "DELETE",
    url: URL,
    expected: readonly number[],
    more: Pick<RegistryQuestion, "headers" | "body" | "linkedBy"> = {},
  ): Promise<HttpReply> {
    const { signal } = this.#operation;
    const question = { ...more, method, url, scope: this.#scope, signal };
    return this.#endpoint.ask(question, expected);
  }
}

async function* counted(chunks: AsyncIterable<Buffer>, report: (done: number) => void): AsyncGenerator<Buffer> {
  let done = 0;
  for await (const chunk of chunks) {
    yield chunk;
    done += chunk.length;
    report(done);
  }
}

function noTag(reference: RegistryReference): BangerError {
  return new BangerError("REFERENCE_INVALID", {
    what: `cannot push to ${formatReference(reference)}`,
    why: "it names a digest, and an image is pushed to a tag",
    fix: `push to ${reference.registry}/${reference.repository}:TAG`,
  });
}

function failed(host: string, why: string): BangerError {
  return new BangerError("REGISTRY_FAILED", {
    what: `pushing to ${host} failed`,
    why,
    fix: "ask whoever runs the registry",
  });
}
