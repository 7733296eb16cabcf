import { Writable } from "node:stream";

/** Bytes in one message. */
const PIECE_BYTES = 64 * 1024;

/** A standard input in a guest: no more than the agent has given credit for is ever on its way. */
export class CreditedStdin extends Writable {
  readonly #push: (piece: Uint8Array) => void;
  readonly #end: () => void;
  #credit: number;
  #credited = Promise.withResolvers<void>();

  constructor(credit: number, push: (piece: Uint8Array) => void, end: () => void = () => {}) {
    super({ highWaterMark: 1024 ** 2 });
    this.#push = push;
    this.#end = end;
    this.#credit = credit;
  }

  addCredit(bytes: number): void {
    this.#credit += bytes;
    this.#credited.resolve();
    this.#credited = Promise.withResolvers();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    void this.#send(chunk, done);
  }

  override _final(done: () => void): void {
    this.#end();
    done();
  }

  async #send(chunk: Buffer, done: () => void): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      while (this.#credit === 0 && !this.destroyed) await this.#credited.promise;
      if (this.destroyed) return;
      const piece = chunk.subarray(at, at + Math.min(this.#credit, PIECE_BYTES));
      this.#credit -= piece.length;
      at += piece.length;
      this.#push(piece);
    }
    done();
  }
}
