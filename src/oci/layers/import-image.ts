import type { ContentSink } from "../../model/content-sink.ts";
import type { FileTree } from "../../model/file-tree.ts";
import { applyLayers, type AppliedLayer, type FetchOptions } from "./apply-layers.ts";
import type { BlobStore } from "./blob-store.ts";
import { ImportBudget } from "./import-budget.ts";
import type { ImageSource } from "../source/image-source.ts";
import { LayerHandler } from "./layer-handler.ts";
import { LayerTree } from "./layer-tree.ts";
import { DEFAULT_LIMITS, type ImportLimits } from "./limits.ts";
import type { ResolvedImage } from "../source/resolve-image.ts";
import { unpackInto } from "./unpack-layer.ts";

export interface ImportOptions extends FetchOptions {
  readonly limits?: ImportLimits;
}

export interface ImportedImage {
  readonly layers: readonly AppliedLayer[];
  readonly entries: number;
  readonly unpackedBytes: number;
}

/**
 * Fetches an image's layers into the store and applies them in order to a tree, while they come. Files' contents go to
 * `sink`, also of files that a later layer hides; what the tree does not name at the end is nobody's.
 *
 * Digests of layers, packed and unpacked, are checked; nothing may be believed before this resolves.
 *
 * @throws BangerError what {@link applyLayers} throws.
 */
export async function importImage(
  image: ResolvedImage,
  source: ImageSource,
  store: BlobStore,
  tree: FileTree,
  sink: ContentSink,
  options: ImportOptions,
): Promise<ImportedImage> {
  const budget = new ImportBudget(options.limits ?? DEFAULT_LIMITS);
  const handlerOf = (index: number): LayerHandler => new LayerHandler(new LayerTree(tree, index, budget), sink, budget);
  const layers = await applyLayers(image.layers, source, store, unpackInto(handlerOf, budget), options);
  return { layers, entries: budget.entries, unpackedBytes: budget.unpackedBytes };
}
