import { BangerError } from "../../lib/errors.ts";
import { digestAlgorithm, finishDigest, shortDigest, startDigest } from "../manifest/digest.ts";
import type { ImportBudget } from "./import-budget.ts";
import { unpack } from "../../formats/tar/unpack-archive.ts";
import type { ImageLayer } from "../manifest/image-layer.ts";
import type { TarHandler } from "../../formats/tar/tar-handler.ts";
import { TarReader } from "../../formats/tar/tar-reader.ts";

/**
 * Takes the bytes of a layer, packed as they are stored, while they come.
 *
 * @throws FormatError, BangerError where they are not what the image says.
 */
export type TakeLayer = (
  layer: ImageLayer,
  index: number,
  packed: AsyncIterable<Buffer>,
  signal: AbortSignal,
) => Promise<void>;

/** Takes layers in this process: hands the members of each to its handler. */
export function unpackInto(handlerOf: (index: number) => TarHandler, budget: ImportBudget): TakeLayer {
  return (layer, index, packed, signal) => unpackLayer(layer, packed, handlerOf(index), budget, signal);
}

/**
 * Unpacks a layer, hands its members on, and checks the digest of what it unpacked to.
 *
 * @throws FormatError; BangerError `DIGEST_MISMATCH`, and the handler's own.
 */
export async function unpackLayer(
  layer: ImageLayer,
  packed: AsyncIterable<Buffer>,
  handler: TarHandler,
  budget: ImportBudget,
  signal: AbortSignal,
): Promise<void> {
  const algorithm = digestAlgorithm(layer.diffId);
  const hash = startDigest(algorithm);
  const reader = new TarReader(handler);
  let layerBytes = 0;
  for await (const chunk of unpack(packed)) {
    signal.throwIfAborted();
    layerBytes += chunk.length;
    budget.countUnpacked(chunk.length, layerBytes, layer.descriptor.size);
    hash.update(chunk);
    const wait = reader.push(chunk);
    if (wait !== undefined) await wait;
  }
  reader.end();
  const found = finishDigest(algorithm, hash);
  if (found === layer.diffId) return;
  throw new BangerError("DIGEST_MISMATCH", {
    what: `layer ${shortDigest(layer.descriptor.digest)} unpacks to something else than the image's config says`,
    why: `its diff id should be ${layer.diffId} and is ${found}`,
    fix: "ask whoever publishes the image: its manifest and config do not belong together",
    data: { digest: layer.descriptor.digest, wanted: layer.diffId, found },
  });
}
