import type { ByteString } from "./byte-string.ts";
import type { Extent } from "./inode.ts";

/** Where a file's content came to lie. */
export interface StoredContent {
  /** In bytes, holes counted. */
  readonly size: number;
  readonly extents: readonly Extent[];
}

/**
 * Takes the contents of files one after another, before anyone knows which of them the final tree will keep.
 *
 * `write` and `hole` return nothing as a rule, and a promise when the taker must catch up first: wait for it only
 * then, so that a small file costs no turn of the event loop.
 */
export interface ContentSink {
  /** Starts a file; the one before must have ended. */
  beginFile(): void;
  /** Takes the next bytes. The chunk is the caller's again when this returns (or its promise resolves). */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** The next `bytes` bytes are zeros that take no space. */
  hole(bytes: number): Promise<void> | undefined;
  /** Ends the file and tells where it lies. */
  endFile(): StoredContent;
  /** Whether there is a place for an extended attribute of this name, of whatever file. All have one where this is absent. */
  takesXattr?(name: ByteString): boolean;
}
