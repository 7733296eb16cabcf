import type { Artefact } from "../../model/artefact.ts";
import type { Image, OciConfig } from "../../model/image.ts";
import { digestOf } from "../manifest/digest.ts";
import { writeHealthCheck } from "../manifest/health-check.ts";
import { BANGER_IMAGE, OCI_CONFIG, OCI_MANIFEST } from "../manifest/media-types.ts";
import { FIELD } from "../manifest/banger-artefact.ts";
import type { PackedLayer } from "./pack-layer.ts";
import type { OutgoingImage } from "./push-image.ts";

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
