import { BangerError } from "../../lib/errors.ts";

// OCI image spec, media-types.md; Docker's image manifest v2 schema 2.
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
export const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar";
export const OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip";
export const OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd";
export const DOCKER_MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
export const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
export const DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar";
export const DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip";
export const DOCKER_LAYER_ZSTD = "application/vnd.docker.image.rootfs.diff.tar.zstd";

/**
 * A banger's own artefact: an OCI image whose layers are no file trees, but a machine's disks and kernel, each as a tar
 * archive. docs/images.md describes it.
 */
export const BANGER_IMAGE = "application/vnd.banger.image.v1";
export const BANGER_DISK_ZSTD = "application/vnd.banger.disk.v1.tar+zstd";
export const BANGER_KERNEL_ZSTD = "application/vnd.banger.kernel.v1.tar+zstd";

export const INDEX_TYPES: readonly string[] = [OCI_INDEX, DOCKER_MANIFEST_LIST];
export const MANIFEST_TYPES: readonly string[] = [OCI_MANIFEST, DOCKER_MANIFEST];
export const CONFIG_TYPES: readonly string[] = [OCI_CONFIG, DOCKER_CONFIG];

const LAYER_TYPES: readonly string[] = [
  OCI_LAYER,
  OCI_LAYER_GZIP,
  OCI_LAYER_ZSTD,
  DOCKER_LAYER,
  DOCKER_LAYER_GZIP,
  DOCKER_LAYER_ZSTD,
];

/**
 * Lets pass what can be a layer of a root file system. Its compression is read from its first bytes, not from here:
 * types that say gzip over zstd are common, and the digest holds either way.
 *
 * @throws BangerError `MEDIA_TYPE_UNSUPPORTED`, saying which kind it is.
 */
export function checkLayerType(mediaType: string): void {
  if (LAYER_TYPES.includes(mediaType)) return;
  throw unsupported(`a layer of type ${mediaType}`, whyNotLayer(mediaType));
}

export function isBangerType(mediaType: string): boolean {
  return mediaType.startsWith("application/vnd.banger.");
}

/** @throws BangerError `MEDIA_TYPE_UNSUPPORTED` for what a later banger may know. */
export function checkBangerLayerType(mediaType: string): void {
  if (mediaType === BANGER_DISK_ZSTD || mediaType === BANGER_KERNEL_ZSTD) return;
  throw newerBanger(`a layer of type ${mediaType}`);
}

/** @throws BangerError `MEDIA_TYPE_UNSUPPORTED` for artefacts of others, and of a later banger. */
export function checkArtifactType(artifactType: string): void {
  if (artifactType === BANGER_IMAGE) return;
  if (isBangerType(artifactType)) throw newerBanger(`an artefact of type ${artifactType}`);
  throw unsupported(`an artefact of type ${artifactType}`, "it is not a container image");
}

/** @throws BangerError `MEDIA_TYPE_UNSUPPORTED` for artefacts that are no container images. */
export function checkConfigType(mediaType: string): void {
  if (CONFIG_TYPES.includes(mediaType)) return;
  throw unsupported(`a config of type ${mediaType}`, "this is an OCI artefact, not a container image");
}

/** @throws BangerError `MEDIA_TYPE_UNSUPPORTED` always. */
export function refuseManifestType(mediaType: string): never {
  const schema1 = mediaType.startsWith("application/vnd.docker.distribution.manifest.v1");
  throw unsupported(
    `a manifest of type ${mediaType}`,
    schema1 ? "Docker's schema 1 has been out of use since 2017" : "it is neither OCI's nor Docker's schema 2",
  );
}

export function unsupported(what: string, why: string): BangerError {
  return new BangerError("MEDIA_TYPE_UNSUPPORTED", {
    what: `cannot use ${what}`,
    why,
    fix: "ask whoever publishes it for an OCI or Docker schema 2 image with plain, gzip or zstd layers",
  });
}

export function newerBanger(what: string): BangerError {
  return new BangerError("MEDIA_TYPE_UNSUPPORTED", {
    what: `cannot use ${what}`,
    why: "this banger does not know it; a later one may",
    fix: "install a newer banger",
  });
}

function whyNotLayer(mediaType: string): string {
  if (mediaType.includes("+encrypted")) return "the layer is encrypted";
  if (/foreign|nondistributable/.test(mediaType))
    return "the layer lies outside the registry, and is not fetched from there";
  return "it is not a layer of a file system";
}
