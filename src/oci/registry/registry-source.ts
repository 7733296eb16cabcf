import { BangerError } from "../../lib/errors.ts";
import { digestAlgorithm, digestOf, isDigest } from "../manifest/digest.ts";
import type { HttpReply } from "../../http/http-transport.ts";
import { digestMismatch, sizeMismatch, type ImageSource, type RawManifest } from "../source/image-source.ts";
import { MAX_MANIFEST_BYTES, type Descriptor } from "../manifest/manifest.ts";
import { INDEX_TYPES, MANIFEST_TYPES } from "../manifest/media-types.ts";
import { rangeFrom } from "../../http/range.ts";
import { contentFrom } from "./partial-content.ts";
import { formatReference, type RegistryReference } from "../source/reference.ts";
import { readAnswer } from "./registry-failures.ts";
import { RegistryEndpoint } from "./registry-endpoint.ts";
import { registryOptions, type RegistryOptions } from "./registry-options.ts";

const ACCEPT = [...INDEX_TYPES, ...MANIFEST_TYPES].join(", ");

/** An image in a registry or one of its mirrors (OCI distribution spec, "Pull"). */
export function openRegistrySource(reference: RegistryReference, given: Partial<RegistryOptions> = {}): ImageSource {
  return new RegistrySource(reference, registryOptions(given));
}

class RegistrySource implements ImageSource {
  readonly name: string;
  readonly #reference: RegistryReference;
  readonly #options: RegistryOptions;
  /** Mirrors first, the registry last; opened when first asked. */
  readonly #servers: readonly string[];
  readonly #endpoints = new Map<string, Promise<RegistryEndpoint>>();
  /** Mirrors that have failed: each question to one that is silent would take as long again. */
  readonly #lost = new Set<string>();

  constructor(reference: RegistryReference, options: RegistryOptions) {
    this.name = formatReference(reference);
    this.#reference = reference;
    this.#options = options;
    this.#servers = [...(options.mirrors[reference.registry] ?? []), reference.registry];
  }

  async manifest(descriptor: Descriptor | undefined, signal: AbortSignal): Promise<RawManifest> {
    const { repository, tag, digest } = this.#reference;
    const wanted = descriptor?.digest ?? digest;
    const path = `${repository}/manifests/${wanted ?? tag ?? "latest"}`;
    const reply = await this.#get(path, { accept: ACCEPT }, signal);
    if (reply === undefined) throw notFound(this.name, descriptor);
    const data = await readAnswer(reply, MAX_MANIFEST_BYTES, "manifest");
    const announced = reply.headers["docker-content-digest"];
    const told = typeof announced === "string" && isDigest(announced) ? announced : undefined;
    // A tag has no digest to be held against; the registry's own word at least must hold.
    const expected = wanted ?? told;
    const found = digestOf(data, expected === undefined ? "sha256" : digestAlgorithm(expected));
    if (expected !== undefined && found !== expected) throw digestMismatch(expected, found);
    if (descriptor !== undefined && descriptor.size !== data.length) throw sizeMismatch(descriptor, data.length);
    return { data, mediaType: mediaTypeOf(reply), digest: found };
  }

  async *openBlob(descriptor: Descriptor, offset: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    const path = `${this.#reference.repository}/blobs/${descriptor.digest}`;
    const reply = await this.#get(path, rangeFrom(offset), signal);
    if (reply === undefined) throw notFound(this.name, descriptor);
    yield* contentFrom(reply, descriptor, offset);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opening of this.#endpoints.values()) {
      const endpoint = await opening.catch(() => undefined);
      endpoint?.[Symbol.dispose]();
    }
  }

  /** The first server that has it; undefined when none has. A mirror's failure is told only if no other helps. */
  async #get(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<HttpReply | undefined> {
    const scope = `repository:${this.#reference.repository}:pull`;
    for (const [index, server] of this.#servers.entries()) {
      const isLast = index === this.#servers.length - 1;
      if (this.#lost.has(server)) continue;
      try {
        const endpoint = await this.#endpoint(server, signal);
        const reply = await endpoint.ask({ url: endpoint.url(path), scope, headers, signal }, [200, 206, 404]);
        if (reply.status !== 404) return reply;
        reply.discard();
      } catch (error) {
        if (isLast || signal.aborted) throw error;
        this.#lost.add(server);
      }
    }
    return undefined;
  }

  #endpoint(server: string, signal: AbortSignal): Promise<RegistryEndpoint> {
    let opening = this.#endpoints.get(server);
    if (opening === undefined) {
      const { linkedBy: _, ...byUser } = this.#options;
      // Mirrors stand in the user's configuration, whoever named the registry.
      opening = RegistryEndpoint.open(server, server === this.#reference.registry ? this.#options : byUser, signal);
      this.#endpoints.set(server, opening);
      opening.catch(() => this.#endpoints.delete(server));
    }
    return opening;
  }
}

function mediaTypeOf(reply: HttpReply): string | undefined {
  return reply.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
}

function notFound(name: string, descriptor: Descriptor | undefined): BangerError {
  return new BangerError("MANIFEST_NOT_FOUND", {
    what: descriptor === undefined ? `${name} does not exist` : `${name} is not complete`,
    why: descriptor === undefined ? "the registry knows no such image" : `the registry has no ${descriptor.digest}`,
    fix: "check the name and the tag",
  });
}
