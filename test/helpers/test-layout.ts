import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { noProgress } from "../../src/lib/progress.ts";
import { FileTree } from "../../src/model/file-tree.ts";
import { BlobStore } from "../../src/oci/layers/blob-store.ts";
import { importImage, type ImportOptions } from "../../src/oci/layers/import-image.ts";
import { openImageSource } from "../../src/oci/open-source.ts";
import type { RegistryOptions } from "../../src/oci/registry/registry-options.ts";
import { resolveImage, type ResolvedImage } from "../../src/oci/source/resolve-image.ts";
import { MemorySink } from "./memory-sink.ts";
import { nodesOf, type DirectoryNode, type TreeNode } from "./tree-nodes.ts";

export type TestCompression = "none" | "gzip" | "zstd";

export interface TestLayer {
  readonly tar: Buffer;
  readonly compression?: TestCompression;
  /** The blob as it is stored; the tar, compressed, otherwise. */
  readonly blob?: Buffer;
  readonly diffId?: string;
  /** More of the layer's descriptor. */
  readonly descriptor?: Readonly<Record<string, unknown>>;
}

export interface TestLayoutOptions {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly index?: Readonly<Record<string, unknown>>;
}

const MEDIA_TYPES = { none: "", gzip: "+gzip", zstd: "+zstd" } as const;

export function sha256(data: Uint8Array): string {
  return `sha256:${createHash("sha256").update(data).digest("hex")}`;
}

/** An OCI layout in a temporary folder, written by nobody's code but this, as right or wrong as a test wants it. */
export class TestLayout implements AsyncDisposable {
  readonly folder: string;
  /** What the index says of the image's manifest. */
  entry: object = {};

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(layers: readonly (TestLayer | Buffer)[], options: TestLayoutOptions = {}): Promise<TestLayout> {
    const image = new TestLayout(await mkdtemp(join(tmpdir(), "banger-layout-")));
    await mkdir(join(image.folder, "blobs", "sha256"), { recursive: true });
    const all = layers.map((layer) => (Buffer.isBuffer(layer) ? { tar: layer } : layer));
    const descriptors = [];
    for (const layer of all) {
      const { compression = "none" } = layer;
      const blob = layer.blob ?? compress(layer.tar, compression);
      const mediaType = `application/vnd.oci.image.layer.v1.tar${MEDIA_TYPES[compression]}`;
      descriptors.push({ ...(await image.addBlob(blob, mediaType)), ...layer.descriptor });
    }
    const config = await image.addJson("application/vnd.oci.image.config.v1+json", {
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      rootfs: { type: "layers", diff_ids: all.map((layer) => layer.diffId ?? sha256(layer.tar)) },
      ...options.config,
    });
    const manifestType = "application/vnd.oci.image.manifest.v1+json";
    const manifest = { schemaVersion: 2, mediaType: manifestType, config, layers: descriptors, ...options.manifest };
    const annotations = { "org.opencontainers.image.ref.name": "latest" };
    image.entry = { ...(await image.addJson(manifestType, manifest)), annotations };
    await writeFile(join(image.folder, "oci-layout"), `{"imageLayoutVersion":"1.0.0"}`);
    await image.writeIndex({ schemaVersion: 2, manifests: [image.entry], ...options.index });
    return image;
  }

  get reference(): string {
    return `oci:${this.folder}`;
  }

  async writeIndex(index: unknown): Promise<void> {
    await writeFile(join(this.folder, "index.json"), JSON.stringify(index));
  }

  async addJson(mediaType: string, document: unknown): Promise<{ mediaType: string; digest: string; size: number }> {
    return this.addBlob(Buffer.from(JSON.stringify(document)), mediaType);
  }

  async addBlob(data: Buffer, mediaType: string): Promise<{ mediaType: string; digest: string; size: number }> {
    const digest = sha256(data);
    await writeFile(join(this.folder, "blobs", "sha256", digest.slice(7)), data);
    return { mediaType, digest, size: data.length };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

export interface TestImport {
  readonly image: ResolvedImage;
  readonly root: DirectoryNode;
  readonly sink: MemorySink;
}

/** Imports an image as a pull does, with a store that goes away afterwards. */
export async function importReference(
  reference: Parameters<typeof openImageSource>[0],
  options: Partial<ImportOptions> & {
    readonly store?: BlobStore;
    readonly sink?: MemorySink;
    readonly registry?: Partial<RegistryOptions>;
  } = {},
): Promise<TestImport> {
  const { signal = new AbortController().signal, sink = new MemorySink() } = options;
  const folder = await mkdtemp(join(tmpdir(), "banger-blobs-"));
  try {
    await using source = await openImageSource(reference, signal, options.registry);
    const image = await resolveImage(source, { signal, ...(options.retry && { retry: options.retry }) });
    const store = options.store ?? new BlobStore(folder);
    using tree = new FileTree(folder);
    await importImage(image, source, store, tree, sink, { progress: noProgress, ...options, signal });
    return { image, root: nodesOf(tree), sink };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Imports layers, lowest first. */
export async function importLayers(
  layers: readonly (TestLayer | Buffer)[],
  options: Parameters<typeof importReference>[1] & TestLayoutOptions = {},
): Promise<TestImport> {
  await using image = await TestLayout.make(layers, options);
  return await importReference({ kind: "oci", path: image.folder, name: undefined }, options);
}

/** What stands at a path, links not followed; undefined where there is nothing. */
export function at(root: DirectoryNode, path: string): TreeNode | undefined {
  let inode: TreeNode | undefined = root;
  for (const name of path.split("/")) {
    if (name === "") continue;
    inode = inode?.type === "directory" ? inode.entries.get(name) : undefined;
  }
  return inode;
}

function compress(tar: Buffer, compression: TestCompression): Buffer {
  if (compression === "gzip") return gzipSync(tar);
  return compression === "zstd" ? zstdCompressSync(tar) : tar;
}
