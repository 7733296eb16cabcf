import { z } from "zod";
import { BangerError } from "../../lib/errors.ts";
import { digestAlgorithm, digestHex, digestOf, type Digest } from "../manifest/digest.ts";
import { archiveInvalid, readSmallFile, streamBlobFile, type FileSet } from "./file-set.ts";
import { checkBlob, type ImageSource, type RawManifest } from "./image-source.ts";
import { checked, MAX_MANIFEST_BYTES, parseManifest, parseObject, type Descriptor } from "../manifest/manifest.ts";
import { OCI_INDEX } from "../manifest/media-types.ts";
import { formatPlatform } from "../manifest/platform.ts";

const layoutSchema = z.object({ imageLayoutVersion: z.string().regex(/^1\./) });
/** The `oci-layout` file holds one version. */
const MAX_LAYOUT_FILE_BYTES = 4096;
/** Names an image within a layout (OCI image spec, annotations.md). */
const REF_NAME = "org.opencontainers.image.ref.name";
/** What containerd and Docker write beside it: the full reference. */
const CONTAINERD_NAME = "io.containerd.image.name";

/**
 * An image in an OCI layout (OCI image spec, image-layout.md), in a folder or in an archive.
 *
 * @param wanted which image, where the layout holds several.
 * @throws BangerError `ARCHIVE_INVALID` where there is no layout.
 */
export async function openLayoutSource(
  files: FileSet,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<ImageSource> {
  const layout = await readSmallFile(files, "oci-layout", MAX_LAYOUT_FILE_BYTES, signal);
  checked(layoutSchema, parseObject(layout, MAX_LAYOUT_FILE_BYTES, "oci-layout file"), "oci-layout file");
  return new LayoutSource(files, wanted);
}

class LayoutSource implements ImageSource {
  readonly name: string;
  readonly #files: FileSet;
  readonly #wanted: string | undefined;

  constructor(files: FileSet, wanted: string | undefined) {
    this.name = files.name;
    this.#files = files;
    this.#wanted = wanted;
  }

  async manifest(descriptor: Descriptor | undefined, signal: AbortSignal): Promise<RawManifest> {
    if (descriptor !== undefined) return this.#read(descriptor, signal);
    const data = await readSmallFile(this.#files, "index.json", MAX_MANIFEST_BYTES, signal);
    const index = parseManifest(data, OCI_INDEX);
    if (index.kind !== "index") throw archiveInvalid(this.name, "its index.json is not an index");
    const named = distinct(index.manifests.filter((m) => this.#isWanted(m)));
    const [first, ...others] = named;
    if (first === undefined) throw nothingByName(this.name, this.#wanted, index.manifests);
    if (others.length === 0) return this.#read(first, signal);
    // Several without a name: one image for several platforms, or a choice that is the user's.
    if (this.#wanted === undefined && named.every((m) => m.platform !== undefined)) {
      return { data, mediaType: OCI_INDEX, digest: digestOf(data) };
    }
    throw severalImages(this.name, index.manifests);
  }

  openBlob(descriptor: Descriptor, offset: number, signal: AbortSignal): AsyncIterable<Buffer> {
    return streamBlobFile(this.#files, blobPath(descriptor.digest), descriptor, offset, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
  }

  async #read(descriptor: Descriptor, signal: AbortSignal): Promise<RawManifest> {
    const data = await readSmallFile(this.#files, blobPath(descriptor.digest), MAX_MANIFEST_BYTES, signal);
    checkBlob(descriptor, data);
    return { data, mediaType: descriptor.mediaType, digest: descriptor.digest };
  }

  #isWanted({ annotations }: Descriptor): boolean {
    if (this.#wanted === undefined) return true;
    const names = [annotations?.[REF_NAME], annotations?.[CONTAINERD_NAME]];
    return names.includes(this.#wanted);
  }
}

/** One image under several names, or named twice, is one. */
function distinct(manifests: readonly Descriptor[]): Descriptor[] {
  const seen = new Set<string>();
  return manifests.filter(({ digest, platform }) => {
    const key = `${digest} ${platform === undefined ? "" : formatPlatform(platform)}`;
    return !seen.has(key) && seen.add(key);
  });
}

function blobPath(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

function nothingByName(name: string, wanted: string | undefined, manifests: readonly Descriptor[]): BangerError {
  return new BangerError("MANIFEST_NOT_FOUND", {
    what: wanted === undefined ? `${name} holds no image` : `${name} holds no image called ${wanted}`,
    why: `it holds ${listNames(manifests)}`,
    fix: "name one of these after the path",
  });
}

function severalImages(name: string, manifests: readonly Descriptor[]): BangerError {
  return new BangerError("REFERENCE_INVALID", {
    what: `${name} holds several images`,
    why: listNames(manifests),
    fix: "say which one, by its name after the path: oci:FOLDER:NAME",
  });
}

function listNames(manifests: readonly Descriptor[]): string {
  const names = manifests.slice(0, 20).map((m) => m.annotations?.[REF_NAME] ?? `one without a name (${m.digest})`);
  return names.length === 0 ? "nothing" : names.join(", ");
}
