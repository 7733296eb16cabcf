import { formatBytes } from "../../lib/bytes.ts";
import { BangerError } from "../../lib/errors.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { BlobDownload } from "./blob-download.ts";
import type { BlobStore } from "./blob-store.ts";
import { shortDigest, type Digest } from "../manifest/digest.ts";
import type { ImageSource } from "../source/image-source.ts";
import type { ImageLayer } from "../manifest/image-layer.ts";
import type { RetryPolicy } from "../../http/retry.ts";
import { FormatError } from "../../formats/format-error.ts";
import type { TakeLayer } from "./unpack-layer.ts";

/** Layers that are fetched at once; they are applied one after another whatever comes first. */
const PARALLEL_FETCHES = 4;

export interface FetchOptions extends OperationContext {
  readonly retry?: RetryPolicy;
}

export interface AppliedLayer {
  readonly digest: Digest;
  /** Whether it was in the store before. */
  readonly reused: boolean;
}

/**
 * Fetches layers into the store, and has each taken, layer by layer in order, while they come.
 *
 * Digests of layers, packed and unpacked, are checked; nothing may be believed before this resolves.
 *
 * @throws BangerError `LAYER_INVALID`, `LAYER_TOO_LARGE`, `DIGEST_MISMATCH`, `SIZE_MISMATCH`, `DISK_FULL`,
 *         `CANCELLED`, and the source's own.
 */
export async function applyLayers(
  layers: readonly ImageLayer[],
  source: ImageSource,
  store: BlobStore,
  take: TakeLayer,
  options: FetchOptions,
): Promise<AppliedLayer[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  // A layer that cannot be had ends it all at once, not when its turn comes.
  const fetches = new LayerFetches(layers, (layer) => {
    const download = startDownload(layer, source, store, { ...options, signal });
    download.done.catch((error: unknown) => stop.abort(error));
    return download;
  });
  const applied: AppliedLayer[] = [];
  try {
    for (const [index, layer] of layers.entries()) {
      const download = fetches.take(index);
      try {
        await applyLayer(layer, index, download, take, signal);
      } catch (error) {
        throw (await damagedCopy(layer, download, store, error)) ?? layerError(layer, index, error);
      }
      applied.push({ digest: layer.descriptor.digest, reused: (await download.done).reused });
    }
    return applied;
  } finally {
    stop.abort();
    await fetches.close();
  }
}

async function applyLayer(
  layer: ImageLayer,
  index: number,
  download: BlobDownload,
  take: TakeLayer,
  signal: AbortSignal,
): Promise<void> {
  try {
    await take(layer, index, download.follow(), signal);
  } catch (error) {
    // A layer that is damaged is most often one that is not what its digest says: tell that instead.
    if (isDamage(error)) await download.done;
    throw error;
  }
  await download.done;
}

function isDamage(error: unknown): boolean {
  if (error instanceof FormatError) return error.kind === "invalid";
  return error instanceof BangerError && error.code === "DIGEST_MISMATCH";
}

/** A layer that was here already has been believed by its name: when it fails, its content is looked at again. */
async function damagedCopy(
  { descriptor }: ImageLayer,
  download: BlobDownload,
  store: BlobStore,
  error: unknown,
): Promise<BangerError | undefined> {
  const suspicious = error instanceof FormatError || (error instanceof BangerError && error.code === "DIGEST_MISMATCH");
  if (!suspicious) return undefined;
  const done = await download.done.catch(() => undefined);
  if (done?.reused !== true || (await store.isIntact(descriptor.digest))) return undefined;
  await store.delete(descriptor.digest);
  return new BangerError("DIGEST_MISMATCH", {
    what: `the stored copy of layer ${shortDigest(descriptor.digest)} was damaged, and has been removed`,
    why: "its content is not what its digest says",
    fix: "pull the image again; if it happens more than once, check the disk",
    data: { digest: descriptor.digest },
  });
}

/** Keeps a few downloads going, the next ones in order. */
class LayerFetches {
  readonly #layers: readonly ImageLayer[];
  readonly #start: (layer: ImageLayer) => BlobDownload;
  readonly #downloads: BlobDownload[] = [];
  #closed = false;

  constructor(layers: readonly ImageLayer[], start: (layer: ImageLayer) => BlobDownload) {
    this.#layers = layers;
    this.#start = start;
    for (let i = 0; i < PARALLEL_FETCHES; i++) this.#startNext();
  }

  take(index: number): BlobDownload {
    const download = this.#downloads[index];
    if (download === undefined) throw new Error(`layer ${index} has not been started`);
    return download;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const download of this.#downloads) await download.close();
  }

  #startNext(): void {
    const layer = this.#layers[this.#downloads.length];
    if (layer === undefined || this.#closed) return;
    const download = this.#start(layer);
    this.#downloads.push(download);
    download.done.then(
      () => this.#startNext(),
      () => {},
    );
  }
}

function startDownload(
  layer: ImageLayer,
  source: ImageSource,
  store: BlobStore,
  { signal, progress, retry }: FetchOptions,
): BlobDownload {
  const { digest, size } = layer.descriptor;
  const event = { id: `layer:${digest}`, label: `layer ${shortDigest(digest)}`, total: size, unit: "bytes" } as const;
  const started = performance.now();
  const download = new BlobDownload(layer.descriptor, store, source, {
    signal,
    onProgress: (done) => progress({ ...event, done, status: "running" }),
    ...(retry && { retry }),
  });
  const report = async (): Promise<void> => {
    try {
      const { reused } = await download.done;
      const took = `${formatBytes(size)} in ${((performance.now() - started) / 1000).toFixed(1)} s`;
      progress({ ...event, done: size, status: "done", note: reused ? "already here" : took });
    } catch {
      // Why is told by whoever waits for the layer.
      progress({ ...event, status: "failed" });
    }
  };
  void report();
  return download;
}

function layerError(layer: ImageLayer, index: number, error: unknown): unknown {
  if (!(error instanceof FormatError)) return error;
  return new BangerError(error.kind === "limit" ? "LAYER_TOO_LARGE" : "LAYER_INVALID", {
    what: `layer ${index + 1} (${shortDigest(layer.descriptor.digest)}) cannot be unpacked`,
    why: error.message,
    fix: "ask whoever publishes the image",
    cause: error,
    data: { digest: layer.descriptor.digest, ...(error.entry !== undefined && { entry: error.entry }) },
  });
}
