import type { Digest } from "./digest.ts";
import type { Descriptor } from "./manifest.ts";

/** A layer as manifest and config tell of it together. */
export interface ImageLayer {
  readonly descriptor: Descriptor;
  /** Digest of the layer unpacked. */
  readonly diffId: Digest;
}
