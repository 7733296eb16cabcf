/**
 * HalfSipHash-2-4 with 32 bits of output (github.com/veorq/SipHash, halfsiphash.c): the hash of a table whose keys are
 * chosen by others. Without the secret nobody can make many keys meet.
 */
export class HalfSipHash {
  readonly #k0: number;
  readonly #k1: number;

  /** @param secret 8 bytes. */
  constructor(secret: Buffer) {
    this.#k0 = secret.readInt32LE(0);
    this.#k1 = secret.readInt32LE(4);
  }

  /**
   * The hash, as an unsigned number, of the four bytes of `prefix`, lowest first, and of `text`.
   *
   * @param text one character (U+0000 to U+00FF) a byte.
   */
  hash(prefix: number, text: string): number {
    let v0 = this.#k0;
    let v1 = this.#k1;
    let v2 = 0x6c796765 ^ this.#k0;
    let v3 = 0x74656462 ^ this.#k1;
    const whole = text.length & ~3;
    // The prefix, the text's whole words, what is left of it with the length, and the end.
    for (let at = -4; at <= whole + 4; at += 4) {
      const word = at < 0 ? prefix : at < whole ? wholeWord(text, at) : at === whole ? lastWord(text, at) : 0;
      const isEnd = at > whole;
      if (isEnd) v2 ^= 0xff;
      v3 ^= word;
      for (let round = isEnd ? 4 : 2; round > 0; round -= 1) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      v0 ^= word;
    }
    return (v1 ^ v3) >>> 0;
  }
}

function wholeWord(text: string, at: number): number {
  return (
    text.charCodeAt(at) |
    (text.charCodeAt(at + 1) << 8) |
    (text.charCodeAt(at + 2) << 16) |
    (text.charCodeAt(at + 3) << 24)
  );
}

/** Up to three bytes, and the length of prefix and text. */
function lastWord(text: string, at: number): number {
  let word = (text.length + 4) << 24;
  for (let i = at; i < text.length; i += 1) word |= text.charCodeAt(i) << (8 * (i - at));
  return word;
}
