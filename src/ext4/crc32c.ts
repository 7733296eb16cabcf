/**
 * CRC-32C (Castagnoli), reflected, as ext4 and jbd2 use it: no final inversion, so that a sum can be carried on.
 * Slicing by eight: one step takes eight bytes through eight tables (Intel, "High Octane CRC Generation", 2006).
 */
const POLYNOMIAL = 0x82f63b78;

/** Eight tables of 256 in one array: table k gives the effect of a byte that k zero bytes follow. */
const TABLES = makeTables();

/** Where a sum starts: `~0`, as in the kernel's `ext4_chksum(sbi, ~0, ...)`. */
export const CRC32C_START = 0xffffffff;

/** Carries `crc` on over `data[from, to)`. Returns an unsigned 32-bit number. */
export function crc32c(crc: number, data: Buffer, from = 0, to = data.length): number {
  const t = TABLES;
  let c = crc | 0;
  let i = from;
  for (const eights = to - 7; i < eights; i += 8) {
    c ^= byte(data, i) | (byte(data, i + 1) << 8) | (byte(data, i + 2) << 16) | (byte(data, i + 3) << 24);
    c =
      entry(t, 1792 + (c & 255)) ^
      entry(t, 1536 + ((c >>> 8) & 255)) ^
      entry(t, 1280 + ((c >>> 16) & 255)) ^
      entry(t, 1024 + (c >>> 24)) ^
      entry(t, 768 + byte(data, i + 4)) ^
      entry(t, 512 + byte(data, i + 5)) ^
      entry(t, 256 + byte(data, i + 6)) ^
      entry(t, byte(data, i + 7));
  }
  for (; i < to; i += 1) c = (c >>> 8) ^ entry(t, (c ^ byte(data, i)) & 255);
  return c >>> 0;
}

/** Carries `crc` on over one little-endian 32-bit number. */
export function crc32cOfU32(crc: number, value: number): number {
  const t = TABLES;
  let c = (crc ^ value) | 0;
  for (let i = 0; i < 4; i += 1) c = (c >>> 8) ^ entry(t, c & 255);
  return c >>> 0;
}

// One reader an array type: a shared one would make each read look up which type it has.
function byte(data: Buffer, index: number): number {
  return data[index] as number;
}

function entry(table: Int32Array, index: number): number {
  return table[index] as number;
}

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let value = 0; value < 256; value += 1) {
    let c = value;
    for (let bit = 0; bit < 8; bit += 1) c = (c & 1) === 1 ? (c >>> 1) ^ POLYNOMIAL : c >>> 1;
    tables[value] = c;
  }
  for (let i = 256; i < tables.length; i += 1) {
    const before = entry(tables, i - 256);
    tables[i] = (before >>> 8) ^ entry(tables, before & 255);
  }
  return tables;
}
