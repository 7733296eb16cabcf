import { setTimeout as after } from "node:timers/promises";
import { Transform, type TransformCallback } from "node:stream";

const CTRL_P = 0x10;
const CTRL_Q = 0x11;
/** How long Ctrl-P waits for a Ctrl-Q after it; then it is a key like others. */
const WAIT_MS = 500;

/** Passes on what is typed, up to Ctrl-P Ctrl-Q, as containers have it. */
export class DetachKeys extends Transform {
  readonly #detached: () => void;
  #held = false;
  #giveUp: AbortController | undefined;

  constructor(detached: () => void) {
    super();
    this.#detached = detached;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#giveUp?.abort();
    const typed = this.#held ? Buffer.concat([Buffer.of(CTRL_P), chunk]) : chunk;
    this.#held = false;
    const at = typed.indexOf(Buffer.of(CTRL_P, CTRL_Q));
    if (at !== -1) {
      this.push(typed.subarray(0, at));
      this.#detached();
      return done();
    }
    const isHeld = typed.at(-1) === CTRL_P;
    const passed = isHeld ? typed.subarray(0, -1) : typed;
    if (passed.length > 0) this.push(passed);
    if (isHeld) this.#hold();
    done();
  }

  override _flush(done: TransformCallback): void {
    this.#release();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#giveUp?.abort();
    done(error);
  }

  #hold(): void {
    this.#held = true;
    this.#giveUp = new AbortController();
    after(WAIT_MS, undefined, { signal: this.#giveUp.signal }).then(
      () => this.#release(),
      () => {},
    );
  }

  #release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.push(Buffer.of(CTRL_P));
  }
}
