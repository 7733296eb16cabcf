import { BangerError } from "../../lib/errors.ts";
import { artefactSchema, type Artefact } from "../../model/artefact.ts";
import { MAX_CONFIG_BYTES } from "./image-config.ts";
import type { ImageLayer } from "./image-layer.ts";
import { parseObject } from "./manifest.ts";
import { BANGER_DISK_ZSTD, BANGER_KERNEL_ZSTD, newerBanger } from "./media-types.ts";

/** The field of the OCI config that is ours; readers that do not know it pass over it (OCI image spec, config.md). */
export const FIELD = "banger";

/**
 * What an artefact's config says of it, held against its layers.
 *
 * @throws BangerError `ARTEFACT_INVALID`; `MEDIA_TYPE_UNSUPPORTED` for one of a later version.
 */
export function parseArtefact(configData: Uint8Array, layers: readonly ImageLayer[]): Artefact {
  const config = parseObject(configData, MAX_CONFIG_BYTES, "config") as Readonly<Record<string, unknown>>;
  const own = config[FIELD];
  const version = typeof own === "object" && own !== null && "version" in own ? own.version : undefined;
  if (typeof version === "number" && version > 1) throw newerBanger(`an artefact of version ${version}`);
  const parsed = artefactSchema.safeParse(own);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(`${[FIELD, ...(issue?.path ?? [])].join(".")}: ${issue?.message ?? "not as it should be"}`);
  }
  const artefact = parsed.data;
  const { disks, kernel } = artefact;
  const wanted = [
    ...disks.map(({ diffId }) => ({ diffId, mediaType: BANGER_DISK_ZSTD })),
    { diffId: kernel.diffId, mediaType: BANGER_KERNEL_ZSTD },
  ];
  const fits = wanted.every(({ diffId, mediaType }) => {
    const named = layers.filter((layer) => layer.diffId === diffId);
    return named.length === 1 && named[0]?.descriptor.mediaType === mediaType;
  });
  if (!fits || wanted.length !== layers.length)
    throw invalid("its layers are not the disks and the kernel that it tells of");
  return artefact;
}

function invalid(why: string): BangerError {
  return new BangerError("ARTEFACT_INVALID", {
    what: "the image says that a banger made it, and is not as a banger makes them",
    why,
    fix: "ask whoever publishes it to push it again",
  });
}
