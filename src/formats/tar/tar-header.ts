import { LastView } from "../../lib/last-view.ts";
import type { ByteString } from "../../model/byte-string.ts";
import { formatInvalid } from "../format-error.ts";

/** Archives are made of blocks of this many bytes (POSIX.1-2017, pax, "ustar Interchange Format"). */
export const TAR_BLOCK = 512;

/** Fields of a header block: [offset, length]. Names of <tar.h>. */
const FIELD = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  chksum: [148, 8],
  linkname: [157, 100],
  magic: [257, 6],
  devmajor: [329, 8],
  devminor: [337, 8],
  /** GNU's own header has times where others have the prefix (`struct oldgnu_header` in tar.h). */
  gnuAtime: [345, 12],
  gnuCtime: [357, 12],
  prefix: [345, 155],
  /** star writes two times after a shorter prefix, and `tar\0` at the end. */
  starPrefix: [345, 131],
} as const;
const TYPEFLAG = 156;
const STAR_TRAILER = 508;

/** Field values as they stand in the block; PAX records and GNU long names may replace them. */
export interface TarHeader {
  readonly name: ByteString;
  readonly linkname: ByteString;
  /** One character; NUL is V7's regular file. */
  readonly typeflag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly devmajor: number;
  readonly devminor: number;
}

export function isZeroBlock(block: Buffer): boolean {
  for (let i = 0; i < TAR_BLOCK; i++) if (block[i] !== 0) return false;
  return true;
}

/** Whether the block's checksum is right: the sum of its bytes, unsigned or (old tars) signed. */
export function hasChecksum(block: Buffer): boolean {
  let stored: number;
  try {
    stored = number(block, FIELD.chksum, "chksum");
  } catch {
    return false;
  }
  // The field itself counts as spaces.
  const [offset, length] = FIELD.chksum;
  let sum = sumOfBytes(block) + length * 0x20;
  for (let i = offset; i < offset + length; i++) sum -= block[i] ?? 0;
  return stored === sum || stored === sum - 256 * highBytes(block);
}

const chunks = new LastView();

/** Four bytes at a time, as two sums of every other one in one word: of {@link TAR_BLOCK} bytes, neither passes 16 bits. */
function sumOfBytes(block: Buffer): number {
  const view = chunks.over(block);
  const end = block.byteOffset + TAR_BLOCK;
  let even = 0;
  let odd = 0;
  for (let at = block.byteOffset; at < end; at += 4) {
    const word = view.getInt32(at);
    even += word & 0x00ff00ff;
    odd += (word >>> 8) & 0x00ff00ff;
  }
  const both = even + odd;
  return (both & 0xffff) + (both >>> 16);
}

/** Bytes that are negative where they are taken as signed, the checksum's field left out. */
function highBytes(block: Buffer): number {
  const [offset, length] = FIELD.chksum;
  let count = 0;
  for (let i = 0; i < TAR_BLOCK; i++) if ((block[i] ?? 0) > 127 && (i < offset || i >= offset + length)) count++;
  return count;
}

/** @throws FormatError if the checksum or a number is wrong. */
export function parseHeader(block: Buffer): TarHeader {
  if (!hasChecksum(block)) throw formatInvalid("a header's checksum is wrong");
  const name = text(block, FIELD.name);
  const posix = hasMagic(block, "ustar\0");
  const gnu = !posix && hasMagic(block, "ustar ");
  return {
    name: posix ? withPrefix(block, name) : gnu ? withMistakenPrefix(block, name) : name,
    linkname: text(block, FIELD.linkname),
    typeflag: String.fromCharCode(block[TYPEFLAG] ?? 0),
    mode: number(block, FIELD.mode, "mode", name),
    uid: number(block, FIELD.uid, "uid", name),
    gid: number(block, FIELD.gid, "gid", name),
    size: number(block, FIELD.size, "size", name),
    mtime: signedNumber(block, FIELD.mtime, "mtime", name),
    devmajor: posix || gnu ? number(block, FIELD.devmajor, "devmajor", name) : 0,
    devminor: posix || gnu ? number(block, FIELD.devminor, "devminor", name) : 0,
  };
}

/** Reads a number field of GNU's sparse map, which has the same forms. */
export function numberAt(block: Buffer, offset: number, length: number, what: string): number {
  return number(block, [offset, length], what);
}

function withPrefix(block: Buffer, name: ByteString): ByteString {
  const star = block.toString("latin1", STAR_TRAILER, TAR_BLOCK) === "tar\0";
  const prefix = text(block, star ? FIELD.starPrefix : FIELD.prefix);
  return prefix === "" ? name : `${prefix}/${name}`;
}

/**
 * Go before 1.8 wrote a prefix where GNU's header has times. As later ones do, it is taken for one where it can be no time
 * and is plain ASCII.
 */
function withMistakenPrefix(block: Buffer, name: ByteString): ByteString {
  if (isTime(block, FIELD.gnuAtime) && isTime(block, FIELD.gnuCtime)) return name;
  const prefix = text(block, FIELD.prefix);
  return prefix === "" || /[\u0080-\u00ff]/.test(prefix) ? name : `${prefix}/${name}`;
}

function isTime(block: Buffer, field: readonly [number, number]): boolean {
  if (block[field[0]] === 0) return true;
  try {
    signedNumber(block, field, "time");
    return true;
  } catch {
    return false;
  }
}

function text(block: Buffer, [offset, length]: readonly [number, number]): ByteString {
  let end = offset;
  while (end < offset + length && block[end] !== 0) end++;
  return end === offset ? "" : block.toString("latin1", offset, end);
}

function hasMagic(block: Buffer, magic: string): boolean {
  for (let i = 0; i < magic.length; i++) if (block[FIELD.magic[0] + i] !== magic.charCodeAt(i)) return false;
  return true;
}

function number(block: Buffer, field: readonly [number, number], what: string, entry?: ByteString): number {
  const value = signedNumber(block, field, what, entry);
  if (value < 0) throw formatInvalid(`${what} is negative`, entry);
  return value;
}

/** Octal digits with spaces or NULs around them, or (GNU) big-endian two's complement under a set first bit. */
function signedNumber(
  block: Buffer,
  [offset, length]: readonly [number, number],
  what: string,
  entry?: ByteString,
): number {
  const end = offset + length;
  const first = block[offset] ?? 0;
  if ((first & 0x80) !== 0) return base256(block, offset, end, what, entry);
  let at = offset;
  while (at < end && (block[at] === 0x20 || block[at] === 0)) at++;
  let value = 0;
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (; at < end; at++) {
    const byte = block[at];
    if (byte === 0) break;
    if (byte !== 0x20) throw formatInvalid(`${what} is not a number`, entry);
  }
  return value;
}

function base256(block: Buffer, offset: number, end: number, what: string, entry?: ByteString): number {
  const first = block[offset] ?? 0;
  const negative = (first & 0x40) !== 0;
  // The marker bit is not part of the number; the bit below it is its sign.
  let value = BigInt(negative ? first | 0x80 : first & 0x7f);
  for (let at = offset + 1; at < end; at++) value = (value << 8n) | BigInt(block[at] ?? 0);
  if (negative) value -= 1n << BigInt(8 * (end - offset));
  if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) {
    throw formatInvalid(`${what} is out of range`, entry);
  }
  return Number(value);
}
