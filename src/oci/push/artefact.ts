import { z } from "zod";
import { digestSchema } from "../manifest/digest-schema.ts";
import { digestOf, type Digest } from "../manifest/digest.ts";
import { readBlob, type ImageSource } from "../source/image-source.ts";
import { checked, manifestInvalid, MAX_MANIFEST_BYTES, parseObject, type Descriptor } from "../manifest/manifest.ts";
import { OCI_MANIFEST } from "../manifest/media-types.ts";
import type { OutgoingBlob, OutgoingImage } from "./push-image.ts";
import { withRetry, DEFAULT_RETRY, type RetryPolicy } from "../../http/retry.ts";

/** Files in a registry that are no image (OCI image spec, manifest.md#guidelines-for-artifact-usage). */
const EMPTY_TYPE = "application/vnd.oci.empty.v1+json";
const EMPTY = Buffer.from("{}");
/** The name of a layer's file (OCI image spec, annotations.md). */
const TITLE = "org.opencontainers.image.title";
const MAX_FILES = 100;

export interface ArtefactFile {
  readonly title: string;
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly open: () => AsyncIterable<Buffer>;
}

/** A small file of an artefact, from memory. */
export function fileOf(title: string, mediaType: string, data: Buffer): ArtefactFile {
  return { title, mediaType, digest: digestOf(data), size: data.length, open: () => chunksOf(data) };
}

/** An artefact ready to be pushed. The same files make the same manifest. */
export function planArtefact(artifactType: string, files: readonly ArtefactFile[]): OutgoingImage {
  const config = fileOf("", EMPTY_TYPE, EMPTY);
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType,
    config: descriptorOf(config),
    layers: files.map((file) => ({ ...descriptorOf(file), annotations: { [TITLE]: file.title } })),
  };
  const blobs = [config, ...files].map((file): OutgoingBlob => ({ descriptor: descriptorOf(file), open: file.open }));
  return { manifest: Buffer.from(JSON.stringify(manifest)), mediaType: OCI_MANIFEST, blobs };
}

const artefactSchema = z.object({
  schemaVersion: z.literal(2),
  artifactType: z.string(),
  layers: z
    .array(
      z.object({
        mediaType: z.string(),
        digest: digestSchema,
        size: z.number().int().nonnegative(),
        annotations: z.record(z.string(), z.string()).optional(),
      }),
    )
    .max(MAX_FILES),
});

/**
 * Reads the small files of an artefact, by their titles.
 *
 * @throws BangerError `MANIFEST_NOT_FOUND`, `MANIFEST_INVALID` if it is another kind of thing, `DIGEST_MISMATCH`,
 *         `SIZE_MISMATCH`, and the source's own.
 */
export async function readArtefact(
  source: ImageSource,
  artifactType: string,
  maxFileBytes: number,
  signal: AbortSignal,
  retry: RetryPolicy = DEFAULT_RETRY,
): Promise<ReadonlyMap<string, Buffer>> {
  const { data } = await withRetry(retry, signal, () => source.manifest(undefined, signal));
  const manifest = checked(artefactSchema, parseObject(data, MAX_MANIFEST_BYTES, "manifest"), "manifest");
  if (manifest.artifactType !== artifactType) {
    throw manifestInvalid("manifest", `${source.name} is a ${manifest.artifactType}, not a ${artifactType}`);
  }
  const files = new Map<string, Buffer>();
  for (const { annotations, ...layer } of manifest.layers) {
    const title = annotations?.[TITLE];
    if (title === undefined) continue;
    files.set(title, await withRetry(retry, signal, () => readBlob(source, layer, maxFileBytes, signal)));
  }
  return files;
}

function descriptorOf({ mediaType, digest, size }: ArtefactFile): Descriptor {
  return { mediaType, digest, size };
}

async function* chunksOf(data: Buffer): AsyncGenerator<Buffer> {
  yield data;
}
