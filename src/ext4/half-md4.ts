import type { ByteString } from "../model/byte-string.ts";

/**
 * The hash that orders a directory's index: half MD4 with bytes taken as unsigned (Linux, fs/ext4/hash.c,
 * DX_HASH_HALF_MD4_UNSIGNED). A class for its scratch space: a large directory hashes each of its names.
 */
export class NameHash {
  readonly #seed: Int32Array;
  readonly #state = new Int32Array(4);
  readonly #input = new Int32Array(8);

  /** @param seed `s_hash_seed`, 16 bytes, not all zero. */
  constructor(seed: Buffer) {
    this.#seed = Int32Array.from({ length: 4 }, (_, i) => seed.readInt32LE(4 * i));
  }

  /** Both halves as unsigned numbers; the lowest bit of `major` is 0, as the index keeps a flag there. */
  hash(name: ByteString): { major: number; minor: number } {
    this.#state.set(this.#seed);
    for (let from = 0; from < name.length; from += 32) {
      this.#load(name, from);
      transform(this.#state, this.#input);
    }
    const major = ((this.#state[1] ?? 0) & ~1) >>> 0;
    return { major: major === EXT4_HTREE_EOF ? EXT4_HTREE_EOF - 2 : major, minor: (this.#state[2] ?? 0) >>> 0 };
  }

  /** `str2hashbuf_unsigned`: up to 32 bytes of the name, big-endian, padded with the length that was left. */
  #load(name: ByteString, from: number): void {
    const left = name.length - from;
    const pad = Math.imul(left, 0x01010101);
    const used = Math.min(left, 32);
    let word = pad;
    let filled = 0;
    for (let i = 0; i < used; i += 1) {
      word = (name.charCodeAt(from + i) + (word << 8)) | 0;
      if (i % 4 !== 3) continue;
      this.#input[filled] = word;
      filled += 1;
      word = pad;
    }
    if (filled < 8) this.#input[filled] = word;
    this.#input.fill(pad, filled + 1);
  }
}

/** `EXT4_HTREE_EOF_32BIT << 1`: not a hash, but the end of a directory. */
const EXT4_HTREE_EOF = 0xfffffffe;

const K2 = 0o13240474631;
const K3 = 0o15666365641;

/** Three rounds of eight steps. Written out: a loop that looks up what each step takes costs half as much again. */
function transform(state: Int32Array, input: Int32Array): void {
  let [a, b, c, d] = [word(state, 0), word(state, 1), word(state, 2), word(state, 3)];
  for (let i = 0; i < 8; i += 4) {
    a = rotated(a + choose(b, c, d) + word(input, i), 3);
    d = rotated(d + choose(a, b, c) + word(input, i + 1), 7);
    c = rotated(c + choose(d, a, b) + word(input, i + 2), 11);
    b = rotated(b + choose(c, d, a) + word(input, i + 3), 19);
  }
  for (let i = 1; i >= 0; i -= 1) {
    a = rotated(a + majority(b, c, d) + word(input, i) + K2, 3);
    d = rotated(d + majority(a, b, c) + word(input, i + 2) + K2, 5);
    c = rotated(c + majority(d, a, b) + word(input, i + 4) + K2, 9);
    b = rotated(b + majority(c, d, a) + word(input, i + 6) + K2, 13);
  }
  for (let i = 3; i >= 1; i -= 2) {
    a = rotated(a + parity(b, c, d) + word(input, i) + K3, 3);
    d = rotated(d + parity(a, b, c) + word(input, i + 4) + K3, 9);
    c = rotated(c + parity(d, a, b) + word(input, i - 1) + K3, 11);
    b = rotated(b + parity(c, d, a) + word(input, i + 3) + K3, 15);
  }
  state[0] = word(state, 0) + a;
  state[1] = word(state, 1) + b;
  state[2] = word(state, 2) + c;
  state[3] = word(state, 3) + d;
}

function choose(x: number, y: number, z: number): number {
  return z ^ (x & (y ^ z));
}

function majority(x: number, y: number, z: number): number {
  return ((x & y) + ((x ^ y) & z)) | 0;
}

function parity(x: number, y: number, z: number): number {
  return x ^ y ^ z;
}

function word(words: Int32Array, index: number): number {
  return words[index] as number;
}

function rotated(sum: number, shift: number): number {
  return (sum << shift) | (sum >>> (32 - shift));
}
