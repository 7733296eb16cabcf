import type { Artefact } from "../../model/artefact.ts";
import { parseArtefact } from "../manifest/banger-artefact.ts";
import type { Digest } from "../manifest/digest.ts";
import { MAX_CONFIG_BYTES, parseImageConfig, type ImageConfig } from "../manifest/image-config.ts";
import type { ImageLayer } from "../manifest/image-layer.ts";
import { readBlob, type ImageSource } from "./image-source.ts";
import { manifestInvalid, parseManifest, type Descriptor, type ImageManifest } from "../manifest/manifest.ts";
import { checkPlatform, choosePlatform, hostPlatform, type Platform } from "../manifest/platform.ts";
import { FIRST_RETRY, withRetry, type RetryPolicy } from "../../http/retry.ts";

/** An index may hold an index (OCI image spec, image-index.md); nobody nests deeper than this. */
const MAX_INDEX_DEPTH = 4;

/** All that is known of an image before its layers are fetched. */
export interface ResolvedImage {
  /** Digest of the manifest of this platform: what the image is called by from now on. */
  readonly digest: Digest;
  /** The manifest's own bytes. */
  readonly manifestData: Buffer;
  readonly manifestMediaType: string | undefined;
  readonly configDescriptor: Descriptor;
  readonly configData: Buffer;
  readonly config: ImageConfig;
  /** Lowest first. */
  readonly layers: readonly ImageLayer[];
  /** Set where it is a banger's own artefact; then its layers are not layers of a file system. */
  readonly artefact: Artefact | undefined;
}

export interface ResolveOptions {
  readonly platform?: Platform;
  readonly signal: AbortSignal;
  readonly retry?: RetryPolicy;
}

/**
 * Goes from what a reference names, through indexes, to the image for a platform, and reads its config.
 *
 * @throws BangerError `MANIFEST_NOT_FOUND`, `MANIFEST_INVALID`, `PLATFORM_MISSING`, `MEDIA_TYPE_UNSUPPORTED`,
 *         `DIGEST_MISMATCH`, `SIZE_MISMATCH`, and the source's own; `ARTEFACT_INVALID` for a banger's own that is none.
 */
export async function resolveImage(source: ImageSource, options: ResolveOptions): Promise<ResolvedImage> {
  const { signal, platform = hostPlatform(), retry = FIRST_RETRY } = options;
  const seen = new Set<Digest>();
  let next: Descriptor | undefined;
  for (let depth = 0; depth <= MAX_INDEX_DEPTH; depth++) {
    const descriptor = next;
    const raw = await withRetry(retry, signal, () => source.manifest(descriptor, signal));
    if (seen.has(raw.digest)) throw manifestInvalid("index", "it leads back to itself");
    seen.add(raw.digest);
    const manifest = parseManifest(raw.data, raw.mediaType ?? descriptor?.mediaType);
    if (manifest.kind === "image") {
      const configData = await withRetry(retry, signal, () =>
        readBlob(source, manifest.config, MAX_CONFIG_BYTES, signal),
      );
      const image = compose(raw.digest, raw.data, raw.mediaType, manifest, configData);
      checkPlatform(image.config.platform, platform);
      return image;
    }
    next = choosePlatform(manifest.manifests, platform);
  }
  throw manifestInvalid("index", `indexes are nested more than ${MAX_INDEX_DEPTH} deep`);
}

function compose(
  digest: Digest,
  manifestData: Buffer,
  manifestMediaType: string | undefined,
  manifest: ImageManifest,
  configData: Buffer,
): ResolvedImage {
  const config = parseImageConfig(configData, manifest.layers.length);
  const layers = manifest.layers.map((descriptor, i) => {
    const diffId = config.diffIds[i];
    if (diffId === undefined) throw manifestInvalid("config", `layer ${i + 1} has no diff id`);
    return { descriptor, diffId };
  });
  const artefact = manifest.isBanger ? parseArtefact(configData, layers) : undefined;
  return {
    artefact,
    digest,
    manifestData,
    manifestMediaType,
    configDescriptor: manifest.config,
    configData,
    config,
    layers,
  };
}
