import { z } from "zod";
import { BangerError } from "../../lib/errors.ts";
import { digestOf, startDigest, finishDigest, type Digest } from "../manifest/digest.ts";
import { archiveInvalid, readSmallFile, streamBlobFile, type FileSet } from "./file-set.ts";
import type { ImageSource, RawManifest } from "./image-source.ts";
import { MAX_CONFIG_BYTES } from "../manifest/image-config.ts";
import { MAX_MANIFEST_BYTES, type Descriptor } from "../manifest/manifest.ts";
import { DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST } from "../manifest/media-types.ts";

/** `manifest.json` of `docker save`. */
const savedSchema = z.array(
  z.object({
    Config: z.string(),
    RepoTags: z.array(z.string()).nullish(),
    Layers: z.array(z.string()).max(1000).nullish(),
  }),
);
type SavedImage = z.infer<typeof savedSchema>[number];

/**
 * An image as `docker save`, podman and skopeo write it. Such an archive has no manifest with digests, so one is made:
 * the same archive makes the same one.
 *
 * @param wanted which image, by one of its tags, where the archive holds several.
 * @throws BangerError `ARCHIVE_INVALID`, `MANIFEST_NOT_FOUND`.
 */
export async function openDockerArchiveSource(
  files: FileSet,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<ImageSource> {
  const saved = choose(files.name, await readSaved(files, signal), wanted);
  const configData = await readSmallFile(files, saved.Config, MAX_CONFIG_BYTES, signal);
  const paths = new Map<Digest, string>();
  const config: Descriptor = { mediaType: DOCKER_CONFIG, digest: digestOf(configData), size: configData.length };
  paths.set(config.digest, saved.Config);
  const layers: Descriptor[] = [];
  for (const path of saved.Layers ?? []) {
    const layer = await describeLayer(files, path, signal);
    paths.set(layer.digest, path);
    layers.push(layer);
  }
  const manifest = { schemaVersion: 2, mediaType: DOCKER_MANIFEST, config, layers };
  return new DockerArchiveSource(files, Buffer.from(JSON.stringify(manifest)), paths);
}

class DockerArchiveSource implements ImageSource {
  readonly name: string;
  readonly #files: FileSet;
  readonly #manifest: Buffer;
  readonly #paths: ReadonlyMap<Digest, string>;

  constructor(files: FileSet, manifest: Buffer, paths: ReadonlyMap<Digest, string>) {
    this.name = files.name;
    this.#files = files;
    this.#manifest = manifest;
    this.#paths = paths;
  }

  async manifest(): Promise<RawManifest> {
    return { data: this.#manifest, mediaType: DOCKER_MANIFEST, digest: digestOf(this.#manifest) };
  }

  openBlob(descriptor: Descriptor, offset: number, signal: AbortSignal): AsyncIterable<Buffer> {
    const path = this.#paths.get(descriptor.digest);
    if (path === undefined) throw archiveInvalid(this.name, `blob ${descriptor.digest} is missing`);
    return streamBlobFile(this.#files, path, descriptor, offset, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
  }
}

async function readSaved(files: FileSet, signal: AbortSignal): Promise<SavedImage[]> {
  const data = await readSmallFile(files, "manifest.json", MAX_MANIFEST_BYTES, signal);
  try {
    return savedSchema.parse(JSON.parse(data.toString("utf8")));
  } catch (error) {
    throw archiveInvalid(files.name, "its manifest.json is not as `docker save` writes it", error);
  }
}

function choose(name: string, images: readonly SavedImage[], wanted: string | undefined): SavedImage {
  const matching = images.filter((image) => wanted === undefined || isTagged(image, wanted));
  const [first, ...others] = matching;
  if (first !== undefined && others.length === 0) return first;
  const tags = images.flatMap((image) => image.RepoTags ?? ["one without a tag"]);
  const why = `it holds ${tags.length === 0 ? "nothing" : tags.slice(0, 20).join(", ")}`;
  throw new BangerError(first === undefined ? "MANIFEST_NOT_FOUND" : "REFERENCE_INVALID", {
    what: first === undefined ? `${name} holds no such image` : `${name} holds several images`,
    why,
    fix: "say which one, by its tag after the path: docker-archive:FILE:TAG",
  });
}

function isTagged(image: SavedImage, wanted: string): boolean {
  return (image.RepoTags ?? []).some(
    (tag) => tag === wanted || tag.endsWith(`/${wanted}`) || tag.endsWith(`:${wanted}`),
  );
}

/** Archives say nothing of their layers' digests: the file is read once for it. */
async function describeLayer(files: FileSet, path: string, signal: AbortSignal): Promise<Descriptor> {
  const size = await files.size(path);
  if (size === undefined) throw archiveInvalid(files.name, `layer ${path} is missing`);
  const hash = startDigest("sha256");
  for await (const chunk of files.stream(path, 0, signal)) hash.update(chunk);
  return { mediaType: DOCKER_LAYER, digest: finishDigest("sha256", hash), size };
}
