import { TAR_BLOCK } from "./tar-header.ts";

/** Puts blocks and extended headers together that came in pieces; what came whole is not copied. */
export class BlockGatherer {
  #wanted = TAR_BLOCK;
  #gathered: Buffer | undefined;
  #gatheredBytes = 0;

  /** Bytes of an unfinished block. */
  get pendingBytes(): number {
    return this.#gatheredBytes;
  }

  /** How long the next one is; afterwards it is a block again. */
  expect(bytes: number): void {
    this.#wanted = bytes;
  }

  /**
   * Takes what it needs of a chunk.
   *
   * @returns how many bytes that was, and the block once it is complete, valid until the chunk changes.
   */
  take(chunk: Buffer, at: number): { readonly bytes: number; readonly block: Buffer | undefined } {
    const bytes = Math.min(this.#wanted - this.#gatheredBytes, chunk.length - at);
    if (this.#gatheredBytes === 0 && bytes === this.#wanted) {
      this.#wanted = TAR_BLOCK;
      return { bytes, block: chunk.subarray(at, at + bytes) };
    }
    this.#gathered ??= Buffer.allocUnsafe(this.#wanted);
    chunk.copy(this.#gathered, this.#gatheredBytes, at, at + bytes);
    this.#gatheredBytes += bytes;
    if (this.#gatheredBytes < this.#wanted) return { bytes, block: undefined };
    const block = this.#gathered;
    this.#gathered = undefined;
    this.#gatheredBytes = 0;
    this.#wanted = TAR_BLOCK;
    return { bytes, block };
  }
}
