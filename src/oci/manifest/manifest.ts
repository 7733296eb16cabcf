import { z } from "zod";
import { BangerError } from "../../lib/errors.ts";
import { digestSchema } from "./digest-schema.ts";
import {
  checkArtifactType,
  checkBangerLayerType,
  checkConfigType,
  checkLayerType,
  INDEX_TYPES,
  isBangerType,
  MANIFEST_TYPES,
  OCI_INDEX,
  OCI_MANIFEST,
  refuseManifestType,
  unsupported,
} from "./media-types.ts";

/** Bound on manifests and indexes, the one that registries keep (OCI distribution spec, "Pushing Manifests"). */
export const MAX_MANIFEST_BYTES = 4 * 1024 ** 2;
/** More layers than any builder makes; overlayfs takes 500, Docker 127. */
const MAX_LAYERS = 1000;
const MAX_INDEX_ENTRIES = 10_000;

const platformSchema = z.object({
  architecture: z.string(),
  os: z.string(),
  variant: z.string().optional(),
});

/** A reference to content by digest (OCI image spec, descriptor.md). */
const descriptorSchema = z.object({
  mediaType: z.string(),
  digest: digestSchema,
  size: z.number().int().nonnegative(),
  urls: z.array(z.string()).optional(),
  annotations: z.record(z.string(), z.string()).nullish(),
  platform: platformSchema.optional(),
});
export type Descriptor = z.infer<typeof descriptorSchema>;

/** Go writes null for a list that is empty. */
function listOf(most: number) {
  const list = z.array(descriptorSchema).max(most).nullable();
  return list.transform((descriptors) => descriptors ?? []);
}

const indexSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  manifests: listOf(MAX_INDEX_ENTRIES),
});

const imageSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  config: descriptorSchema,
  layers: listOf(MAX_LAYERS),
});

export interface IndexManifest {
  readonly kind: "index";
  readonly manifests: readonly Descriptor[];
}

export interface ImageManifest {
  readonly kind: "image";
  /** Whether it is a banger's own artefact: its layers are disks and kernels. */
  readonly isBanger: boolean;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/**
 * Reads a manifest or an index, whose digest has been checked.
 *
 * @param mediaType what the registry or the descriptor called it; undefined where nobody did.
 * @throws BangerError `MANIFEST_INVALID` for what does not parse or could be read as two things (CVE-2021-41190),
 *         `MEDIA_TYPE_UNSUPPORTED` for artefacts, schema 1, encrypted and foreign layers.
 */
export function parseManifest(data: Uint8Array, mediaType: string | undefined): IndexManifest | ImageManifest {
  const document = parseObject(data, MAX_MANIFEST_BYTES, "manifest");
  const type = decideType(document, mediaType);
  if (INDEX_TYPES.includes(type)) {
    const { manifests } = checked(indexSchema, document, "index");
    return { kind: "index", manifests };
  }
  const { config, layers, artifactType } = checked(imageSchema, document, "manifest");
  if (artifactType !== undefined) checkArtifactType(artifactType);
  checkConfigType(config.mediaType);
  for (const descriptor of [config, ...layers]) refuseForeign(descriptor);
  // Its layers tell as well: there are tools that lose what they do not know of a manifest.
  const isBanger = artifactType !== undefined || layers.some((layer) => isBangerType(layer.mediaType));
  for (const layer of layers) (isBanger ? checkBangerLayerType : checkLayerType)(layer.mediaType);
  return { kind: "image", isBanger, config, layers };
}

/**
 * JSON from outside: UTF-8, an object, at most `maxBytes` long.
 *
 * @throws BangerError `MANIFEST_INVALID`.
 */
export function parseObject(data: Uint8Array, maxBytes: number, what: string): object {
  if (data.length > maxBytes) throw manifestInvalid(what, `it is larger than ${maxBytes} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  } catch (error) {
    throw manifestInvalid(what, error instanceof Error ? error.message : String(error));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw manifestInvalid(what, "not an object");
  return value;
}

/** @throws BangerError `MANIFEST_INVALID`, with the first thing that is wrong and where it stands. */
export function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw manifestInvalid(what, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not as the specification has it"}`);
}

export function manifestInvalid(what: string, why: string): BangerError {
  return new BangerError("MANIFEST_INVALID", {
    what: `the image's ${what} is not valid`,
    why,
    fix: "pull it again; if it stays so, ask whoever publishes the image",
  });
}

function decideType(document: object, mediaType: string | undefined): string {
  const own = "mediaType" in document && typeof document.mediaType === "string" ? document.mediaType : undefined;
  // Registries that do not know better answer with a general type.
  const told = mediaType !== undefined && isKnown(mediaType) ? mediaType : undefined;
  if (own !== undefined && told !== undefined && own !== told) {
    throw manifestInvalid("manifest", `it was announced as ${told} and calls itself ${own}`);
  }
  const hasLayers = "layers" in document || "config" in document;
  const hasManifests = "manifests" in document;
  if ("fsLayers" in document) refuseManifestType("application/vnd.docker.distribution.manifest.v1+json");
  if (hasLayers && hasManifests) throw manifestInvalid("manifest", "it is an index and a manifest at once");
  const type = told ?? own ?? (hasManifests ? OCI_INDEX : hasLayers ? OCI_MANIFEST : mediaType);
  if (type === undefined || !isKnown(type)) return refuseManifestType(type ?? "unknown");
  return type;
}

function isKnown(mediaType: string): boolean {
  return INDEX_TYPES.includes(mediaType) || MANIFEST_TYPES.includes(mediaType);
}

function refuseForeign(descriptor: Descriptor): void {
  if (descriptor.urls === undefined || descriptor.urls.length === 0) return;
  throw unsupported(
    `a layer that lies elsewhere (${descriptor.urls[0] ?? ""})`,
    "banger fetches blobs from the image's own registry only",
  );
}
