import { BangerError } from "../../lib/errors.ts";
import { artefactSchema, type Artefact } from "../../model/artefact.ts";
import type { Image, OciConfig } from "../../model/image.ts";
import { digestOf } from "../manifest/digest.ts";
import { writeHealthCheck } from "../manifest/health-check.ts";
import { MAX_CONFIG_BYTES } from "../manifest/image-config.ts";
import { parseObject } from "../manifest/manifest.ts";
import {
  BANGER_DISK_ZSTD,
  BANGER_IMAGE,
  BANGER_KERNEL_ZSTD,
  newerBanger,
  OCI_CONFIG,
  OCI_MANIFEST,
} from "../manifest/media-types.ts";
import type { PackedLayer } from "./pack-layer.ts";
import type { OutgoingImage } from "./push-image.ts";
import type { ImageLayer } from "../manifest/image-layer.ts";

/** The field of the OCI config that is ours; readers that do not know it pass over it (OCI image spec, config.md). */
const FIELD = "banger";

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

/** An artefact to be sent: its layers as they were packed, and what is said of them. The same parts make the same bytes. */
export function composeArtefact(
  image: Pick<Image, "createdAt" | "platform" | "config">,
  artefact: Artefact,
  layers: readonly PackedLayer[],
): OutgoingImage {
  const { os, architecture, variant } = image.platform;
  const config = Buffer.from(
    JSON.stringify({
      created: image.createdAt,
      os,
      architecture,
      ...(variant !== undefined && { variant }),
      config: ociConfig(image.config),
      rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
      [FIELD]: artefact,
    }),
  );
  const configDescriptor = { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.length };
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: BANGER_IMAGE,
    config: configDescriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: { "org.opencontainers.image.title": artefact.image.name },
  };
  return {
    manifest: Buffer.from(JSON.stringify(manifest)),
    mediaType: OCI_MANIFEST,
    blobs: [...layers, { descriptor: configDescriptor, open: () => once(config) }],
  };
}

/** As the OCI image spec writes it; the inverse of `runConfig` in image-config.ts. */
function ociConfig(config: OciConfig): Readonly<Record<string, unknown>> {
  const set = (names: readonly string[]): Record<string, object> => Object.fromEntries(names.map((name) => [name, {}]));
  return {
    Env: config.env,
    User: config.user,
    WorkingDir: config.workingDir,
    Entrypoint: config.entrypoint,
    Cmd: config.cmd,
    ExposedPorts: set(config.exposedPorts),
    Volumes: set(config.volumes),
    Labels: config.labels,
    ...(config.stopSignal !== undefined && { StopSignal: config.stopSignal }),
    ...(config.healthCheck !== undefined && { Healthcheck: writeHealthCheck(config.healthCheck) }),
  };
}

async function* once(data: Buffer): AsyncGenerator<Buffer> {
  yield data;
}

function invalid(why: string): BangerError {
  return new BangerError("ARTEFACT_INVALID", {
    what: "the image says that a banger made it, and is not as a banger makes them",
    why,
    fix: "ask whoever publishes it to push it again",
  });
}
