/**
 * Reads and writes numbers in bytes that others own. A DataView is faster than Buffer's methods, which check each number's
 * range, but to make one costs more than some ten reads: so it covers all of the memory that the bytes lie in, and is
 * given again for what lies there, too.
 */
export class LastView {
  #view: DataView = new DataView(new ArrayBuffer(0));

  /** A view in which the bytes begin at their `byteOffset`. */
  over(bytes: Uint8Array): DataView {
    if (this.#view.buffer !== bytes.buffer) this.#view = new DataView(bytes.buffer);
    return this.#view;
  }
}
