import type { ByteString } from "../../model/byte-string.ts";
import { TAR_BLOCK } from "./tar-header.ts";

/** Largest number that 11 octal digits hold; past it GNU's base-256 is written. */
const MAX_OCTAL_SIZE = 8 ** 11 - 1;
const MAX_PLAIN_NAME_BYTES = 100;

/** A regular file's header in an archive of ours: owned by root, from 1970, so that the same files make the same archive. */
export function fileHeader(name: string, sizeBytes: number, mode = 0o644): Buffer {
  if (Buffer.byteLength(name) > MAX_PLAIN_NAME_BYTES) {
    return Buffer.concat([paxHeader([["path", name]]), header("0", "long-name", sizeBytes, mode)]);
  }
  return header("0", name, sizeBytes, mode);
}

export interface MemberHeader {
  readonly type: "file" | "folder" | "link";
  /** Exact bytes, without a slash at its end. */
  readonly name: ByteString;
  readonly sizeBytes?: number;
  readonly mode: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** What a symbolic link says. */
  readonly target?: ByteString;
}

/** The header of a member with a name of any bytes; long ones as GNU tar writes them (GNU tar manual, "Basic Tar Format"). */
export function memberHeader({ type, name, sizeBytes = 0, mode, mtime, target = "" }: MemberHeader): Buffer {
  const full = type === "folder" ? `${name}/` : name;
  const block = header(TYPE_FLAGS[type], "", sizeBytes, mode);
  block.write(full.slice(0, MAX_PLAIN_NAME_BYTES), 0, "latin1");
  block.write(target.slice(0, MAX_PLAIN_NAME_BYTES), 157, "latin1");
  block.write(`${Math.max(0, Math.floor(mtime)).toString(8).padStart(11, "0").slice(-11)}\0`, 136, "latin1");
  return Buffer.concat([gnuLong("K", target), gnuLong("L", full), summed(block)]);
}

const TYPE_FLAGS = { file: "0", folder: "5", link: "2" } as const;

/** A member that tells the name, or link target, of the one that follows, where that has no room for it. */
function gnuLong(typeflag: "K" | "L", name: ByteString): Buffer {
  if (name.length <= MAX_PLAIN_NAME_BYTES) return Buffer.alloc(0);
  const data = Buffer.from(`${name}\0`, "latin1");
  return Buffer.concat([header(typeflag, "././@LongLink", data.length), data, padding(data.length)]);
}

/**
 * A sparse file's headers and its map, in GNU's format 1.0 (GNU tar manual, "Storing Sparse Files"): what follows are the
 * bytes of its parts, one part after another, and padding for them.
 *
 * @param parts offset and length of each part that is not a hole, flat, ascending.
 */
export function sparseFileHeader(name: string, realSizeBytes: number, parts: readonly number[]): Buffer {
  // GNU tar makes a file as long as its last part reaches: a part of no bytes stands at the end.
  const whole = (parts.at(-2) ?? 0) + (parts.at(-1) ?? 0) === realSizeBytes ? parts : [...parts, realSizeBytes, 0];
  const lines = [whole.length / 2, ...whole].map((number) => `${number}\n`).join("");
  const map = Buffer.concat([Buffer.from(lines), padding(lines.length)]);
  const stored = map.length + storedBytes(parts);
  const records: [string, string][] = [
    ["GNU.sparse.major", "1"],
    ["GNU.sparse.minor", "0"],
    ["GNU.sparse.name", name],
    ["GNU.sparse.realsize", String(realSizeBytes)],
  ];
  return Buffer.concat([paxHeader(records), header("0", "sparse", stored), map]);
}

/** Bytes that the parts of a sparse file hold. */
export function storedBytes(parts: readonly number[]): number {
  return parts.reduce((sum, number, index) => (index % 2 === 1 ? sum + number : sum), 0);
}

/** What follows a content of this length, up to the next block. */
export function padding(sizeBytes: number): Buffer {
  return Buffer.alloc((TAR_BLOCK - (sizeBytes % TAR_BLOCK)) % TAR_BLOCK);
}

/** The two blocks of zeros that end an archive. */
export const ARCHIVE_END: Buffer = Buffer.alloc(2 * TAR_BLOCK);

function header(typeflag: string, name: string, sizeBytes: number, mode = 0o644): Buffer {
  const block = Buffer.alloc(TAR_BLOCK);
  block.write(name, 0);
  // mode, uid, gid
  block.write(`${mode.toString(8).padStart(7, "0")}\x000000000\x000000000\0`, 100, "latin1");
  if (sizeBytes <= MAX_OCTAL_SIZE) block.write(`${sizeBytes.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  else block.writeBigUInt64BE(BigInt(sizeBytes), 128);
  if (sizeBytes > MAX_OCTAL_SIZE) block[124] = 0x80;
  block.write("00000000000\0", 136, "latin1");
  block.write(typeflag, 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  return summed(block);
}

/** A header with its checksum set. */
function summed(block: Buffer): Buffer {
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** Records of the member that follows (POSIX.1-2017, pax, "pax Extended Header"). */
function paxHeader(records: readonly (readonly [keyword: string, value: string])[]): Buffer {
  const data = Buffer.from(records.map(([keyword, value]) => paxRecord(keyword, value)).join(""));
  return Buffer.concat([header("x", "PaxHeader", data.length), data, padding(data.length)]);
}

/** `LENGTH keyword=value\n`, where the length counts its own digits. */
function paxRecord(keyword: string, value: string): string {
  const rest = ` ${keyword}=${value}\n`;
  const restBytes = Buffer.byteLength(rest);
  let length = restBytes + 1;
  while (String(length).length + restBytes !== length) length += 1;
  return `${length}${rest}`;
}
