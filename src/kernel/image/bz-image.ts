import type { FileHandle } from "node:fs/promises";
import { invalidArchive, type ByteStream } from "../../formats/byte-reader.ts";
import { decompress, type Compression } from "../../formats/compression/decompress.ts";
import { readAt, readRange } from "../read-at.ts";
import { decompressLz4Legacy } from "../../formats/compression/lz4-legacy.ts";

// The real-mode kernel header (Documentation/arch/x86/boot.rst), by the names it has there.
const SETUP_SECTS = 0x1f1;
const BOOT_FLAG = 0x1fe;
const HEADER = 0x202;
const VERSION = 0x206;
const KERNEL_VERSION = 0x20e;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const BOOT_MAGIC = 0xaa55;
const HEADER_MAGIC = "HdrS";
/** The protocol that brought payload_offset and payload_length (Linux 2.6.24). */
const PROTOCOL_WITH_PAYLOAD = 0x0208;
const SECTOR_BYTES = 512;

/** How much of the file {@link parseBzImage} needs: the whole of the header. */
export const BZ_HEADER_BYTES = 0x250;

/** Of a payload, as much as tells how it is packed. */
const START_BYTES = 16;
/** The number that the unpacked size is, at the payload's end. */
const SIZE_BYTES = 4;
/** Far above any kernel: a distribution's is some 55 MB unpacked. */
const MAX_UNPACKED_BYTES = 512 * 1024 ** 2;

export interface BzImage {
  /** In the file. */
  readonly payloadOffset: number;
  readonly payloadBytes: number;
  /** Of the text that says which kernel this is: `6.1.0-56-cloud-amd64 (…) #1 SMP …`; undefined where there is none. */
  readonly versionOffset: number | undefined;
}

/** What a bzImage's header says, or undefined if the file does not begin with one. */
export function parseBzImage(start: Buffer): BzImage | undefined {
  if (start.length < BZ_HEADER_BYTES || start.readUInt16LE(BOOT_FLAG) !== BOOT_MAGIC) return undefined;
  if (start.toString("latin1", HEADER, HEADER + 4) !== HEADER_MAGIC) return undefined;
  if (start.readUInt16LE(VERSION) < PROTOCOL_WITH_PAYLOAD) return undefined;
  // "For backwards compatibility, if the setup_sects field contains 0, the real value is 4."
  const setupSectors = start.readUInt8(SETUP_SECTS) || 4;
  const versionPointer = start.readUInt16LE(KERNEL_VERSION);
  return {
    payloadOffset: (setupSectors + 1) * SECTOR_BYTES + start.readUInt32LE(PAYLOAD_OFFSET),
    payloadBytes: start.readUInt32LE(PAYLOAD_LENGTH),
    versionOffset: versionPointer === 0 ? undefined : versionPointer + SECTOR_BYTES,
  };
}

const MAGICS: readonly (readonly [hex: string, name: Compression | "lz4" | "bzip2" | "lzma" | "lzo"])[] = [
  ["1f8b", "gzip"],
  ["fd377a585a00", "xz"],
  ["28b52ffd", "zstd"],
  ["02214c18", "lz4"],
  ["425a68", "bzip2"],
  ["5d0000", "lzma"],
  ["894c5a4f", "lzo"],
  ["7f454c46", "none"],
];

/** A kernel taken out of its bzImage, or the reason why it stays inside. Each part of it is valid until the next is read. */
export type Unpacked =
  | { readonly kind: "elf"; readonly content: ByteStream }
  | { readonly kind: "unsupported"; readonly why: string };

/**
 * Unpacks the payload of a bzImage while it is read: the kernel as an ELF file, which boots without the time that
 * unpacking costs.
 *
 * Some compressions are rare, or need what no library here has (xz with its x86 filter); the bzImage boots all the same.
 *
 * @param name the file, for errors.
 * @throws BangerError `ARCHIVE_INVALID` if the payload is damaged, also from what is returned.
 */
export async function unpackBzImage(file: FileHandle, image: BzImage, name: string): Promise<Unpacked> {
  const { payloadOffset, payloadBytes } = image;
  const start = await readAt(file, payloadOffset, Math.min(payloadBytes, START_BYTES));
  const hex = start.toString("hex", 0, 8);
  const compression = MAGICS.find(([magic]) => hex.startsWith(magic))?.[1];
  if (start.length < 8 || compression === undefined) throw invalidArchive(name, "its payload has no known format");
  // The build appends the unpacked size, except to gzip, which ends with it anyway (scripts/Makefile.lib, size_append).
  const bodyBytes = compression === "gzip" || compression === "none" ? payloadBytes : payloadBytes - SIZE_BYTES;
  const size = await readAt(file, payloadOffset + payloadBytes - SIZE_BYTES, SIZE_BYTES);
  const unpackedBytes = compression === "none" ? payloadBytes : size.readUInt32LE();
  if (unpackedBytes > MAX_UNPACKED_BYTES) {
    throw invalidArchive(name, `its payload unpacks to more than ${MAX_UNPACKED_BYTES} bytes`);
  }
  if (compression === "bzip2" || compression === "lzma" || compression === "lzo") {
    return { kind: "unsupported", why: `it is packed with ${compression}` };
  }
  if (compression === "xz" && hasFilters(start))
    return { kind: "unsupported", why: "it is packed with xz and a filter" };
  const body = readRange(file, payloadOffset, bodyBytes);
  const content =
    compression === "lz4" ? decompressLz4Legacy(body, unpackedBytes, name) : decompress(body, compression, name);
  return { kind: "elf", content: exactly(content, unpackedBytes, name) };
}

/** Passes a stream on, which has to be this long. */
async function* exactly(stream: ByteStream, lengthBytes: number, name: string): ByteStream {
  let left = lengthBytes;
  for await (const part of stream) {
    left -= part.length;
    if (left < 0) throw invalidArchive(name, "its payload is longer than it says");
    yield part;
  }
  if (left > 0) throw invalidArchive(name, "its payload is shorter than it says");
}

/** Whether an xz stream's first block goes through more than LZMA2 (section 3.1.2 of xz-file-format.txt). */
function hasFilters(xz: Buffer): boolean {
  const STREAM_HEADER_BYTES = 12;
  const blockFlags = xz[STREAM_HEADER_BYTES + 1] ?? 0;
  return (blockFlags & 0x03) !== 0;
}
