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
const ROUNDS = [
  { mix: choose, add: 0, order: [0, 1, 2, 3, 4, 5, 6, 7], shifts: [3, 7, 11, 19] },
  { mix: majority, add: K2, order: [1, 3, 5, 7, 0, 2, 4, 6], shifts: [3, 5, 9, 13] },
  { mix: parity, add: K3, order: [3, 7, 2, 6, 1, 5, 0, 4], shifts: [3, 9, 11, 15] },
] as const;

function choose(x: number, y: number, z: number): number {
  return z ^ (x & (y ^ z));
}

function majority(x: number, y: number, z: number): number {
  return ((x & y) + ((x ^ y) & z)) | 0;
}

function parity(x: number, y: number, z: number): number {
  return x ^ y ^ z;
}

function transform(state: Int32Array, input: Int32Array): void {
  let [a = 0, b = 0, c = 0, d = 0] = state;
  for (const { mix, add, order, shifts } of ROUNDS) {
    // The four words change places after each step; written out, since an array for each costs more than the hash.
    for (let i = 0; i < 8; i += 4) {
      a = rotated(a + mix(b, c, d) + word(input, order, i) + add, shifts[0]);
      d = rotated(d + mix(a, b, c) + word(input, order, i + 1) + add, shifts[1]);
      c = rotated(c + mix(d, a, b) + word(input, order, i + 2) + add, shifts[2]);
      b = rotated(b + mix(c, d, a) + word(input, order, i + 3) + add, shifts[3]);
    }
  }
  state[0] = ((state[0] ?? 0) + a) | 0;
  state[1] = ((state[1] ?? 0) + b) | 0;
  state[2] = ((state[2] ?? 0) + c) | 0;
  state[3] = ((state[3] ?? 0) + d) | 0;
}

function word(input: Int32Array, order: readonly number[], i: number): number {
  return input[order[i] ?? 0] ?? 0;
}

function rotated(sum: number, shift: number): number {
  return (sum << shift) | (sum >>> (32 - shift));
}
