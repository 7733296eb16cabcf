/**
 * The bytes of the agent's serial line, as agent/internal/line/marker.go tells it: a marker and a kind, mostly with
 * a nonce, stand out of a stream; where the stream itself holds the marker, a literal byte behind it says so. What may
 * be the beginning of a marker is kept by its receiver; a sender whose bytes end like that adds a marker that means
 * nothing, so that nobody waits.
 */
export const MARKER = Buffer.from("a46a7762bf1bae43ece9f2a02d9c891f", "hex");

/** Random bytes by which this end knows its own answers. */
export const NONCE_BYTES = 8;

export const LITERAL = 0x00;
export const HELLO = 0x01;
export const READY = 0x02;
export const BEGIN = 0x03;
export const GONE = 0x04;
export const PAUSE = 0x05;

export interface Control {
  readonly kind: number;
  readonly nonce: Buffer;
}

export function encodeControl(kind: number, nonce: Uint8Array): Buffer {
  return Buffer.concat([MARKER, Buffer.of(kind), nonce]);
}

/** Finds markers in a stream that comes in pieces. No two bytes of the marker are equal, so no match hides in another. */
class MarkerScanner {
  #matched = 0;

  /** The offset behind the first whole marker at or after `from`; -1 if there is none yet. */
  find(chunk: Buffer, from: number): number {
    let at = from;
    while (this.#matched > 0 && at < chunk.length) {
      if (chunk[at] !== MARKER[this.#matched]) {
        this.#matched = 0;
        break;
      }
      at += 1;
      this.#matched += 1;
      if (this.#matched === MARKER.length) {
        this.#matched = 0;
        return at;
      }
    }
    if (this.#matched > 0) return -1;
    const found = chunk.indexOf(MARKER, at);
    if (found !== -1) return found + MARKER.length;
    this.#matched = partAtEnd(chunk, at);
    return -1;
  }

  /** How many bytes at the end of what has been seen may be the beginning of a marker. */
  get matched(): number {
    return this.#matched;
  }

  reset(): void {
    this.#matched = 0;
  }
}

/** How many bytes at the end of the chunk may be the beginning of a marker. */
function partAtEnd(chunk: Buffer, from: number): number {
  const start = chunk.indexOf(MARKER[0] ?? 0, Math.max(from, chunk.length - MARKER.length + 1));
  if (start === -1) return 0;
  const part = chunk.subarray(start);
  if (MARKER.subarray(0, part.length).equals(part)) return part.length;
  return partAtEnd(chunk, start + 1);
}

/** Makes payload safe to send: returns the pieces to be written, one after another. */
export class LineEncoder {
  readonly #scanner = new MarkerScanner();

  encode(payload: Buffer): Buffer[] {
    const pieces: Buffer[] = [];
    let from = 0;
    for (;;) {
      const end = this.#scanner.find(payload, from);
      if (end === -1) break;
      pieces.push(payload.subarray(from, end), Buffer.of(LITERAL));
      from = end;
    }
    if (from < payload.length) pieces.push(payload.subarray(from));
    if (this.#scanner.matched > 0) {
      this.#scanner.reset();
      pieces.push(MARKER, Buffer.of(PAUSE));
    }
    return pieces;
  }
}

export interface LineEvents {
  payload(bytes: Buffer): void;
  control(control: Control): void;
  /** A marker without a kind: whoever wrote it was cut off. */
  broken(): void;
}

/** Parts payload from controls, of which no byte is ever passed on as payload. */
export class LineDecoder {
  readonly #scanner = new MarkerScanner();
  /** After a whole marker: undefined until the kind has come, then the bytes of the nonce so far. */
  #control: { kind: number | undefined; nonce: Buffer } | undefined;

  decode(chunk: Buffer, events: LineEvents): void {
    let from = 0;
    while (from < chunk.length) {
      if (this.#control !== undefined) {
        from = this.#decodeControl(this.#control, chunk, from, events);
        continue;
      }
      const kept = this.#scanner.matched;
      const end = this.#scanner.find(chunk, from);
      const stop = end === -1 ? chunk.length : end;
      const held = end === -1 ? this.#scanner.matched : MARKER.length;
      // Offsets below `from` are in what was kept of the chunk before: some of it may be payload now.
      const length = kept + stop - from - held;
      const ofKept = Math.min(kept, length);
      if (ofKept > 0) events.payload(MARKER.subarray(0, ofKept));
      if (length > ofKept) events.payload(chunk.subarray(from, from + length - ofKept));
      if (end !== -1) this.#control = { kind: undefined, nonce: Buffer.alloc(0) };
      from = stop;
    }
  }

  #decodeControl(
    control: { kind: number | undefined; nonce: Buffer },
    chunk: Buffer,
    from: number,
    events: LineEvents,
  ): number {
    if (control.kind === undefined) {
      const kind = chunk[from] ?? LITERAL;
      if (kind === LITERAL || kind === PAUSE) {
        this.#control = undefined;
        if (kind === LITERAL) events.payload(MARKER);
        return from + 1;
      }
      if (kind < HELLO || kind > GONE) {
        // Not taken off: it may be the first byte of a whole marker.
        this.#control = undefined;
        events.broken();
        return from;
      }
      control.kind = kind;
      return from + 1;
    }
    const part = chunk.subarray(from, from + NONCE_BYTES - control.nonce.length);
    control.nonce = Buffer.concat([control.nonce, part]);
    if (control.nonce.length === NONCE_BYTES) {
      this.#control = undefined;
      events.control({ kind: control.kind, nonce: control.nonce });
    }
    return from + part.length;
  }
}
