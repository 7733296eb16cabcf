import { ByteReader, invalidArchive, memberContent, type ByteStream } from "./byte-reader.ts";

// ustar (POSIX.1-1988) with GNU's long names: what dpkg-deb writes, and `tar --format=gnu`. See tar(5).
const BLOCK_BYTES = 512;
const REGTYPE = "0";
const AREGTYPE = "\0";
const GNU_LONG_NAME = "L";
const GNU_LONG_LINK = "K";
const PAX_HEADERS = new Set(["x", "g"]);
const CHECKSUM = { start: 148, length: 8 };

const MAX_ENTRIES = 100_000;
const MAX_NAME_BYTES = 4096;

/** A regular file of an archive. */
export interface TarFile {
  /** As the archive has it, without a leading `./`. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Valid until the next file is asked for; what is left of it is passed over then. */
  readonly content: ByteStream;
}

/**
 * The regular files of a tar archive, as in a Debian package; folders and links are passed over.
 *
 * @param name what is read, for errors.
 * @throws BangerError `ARCHIVE_INVALID` if it is damaged, or uses pax headers (deb(5) has none).
 */
export async function* readTarFiles(stream: ByteStream, name: string): AsyncGenerator<TarFile> {
  await using reader = new ByteReader(stream, name);
  let longName: string | undefined;
  for (let count = 0; ; count += 1) {
    if (count === MAX_ENTRIES) throw invalidArchive(name, `it has more than ${MAX_ENTRIES} entries`);
    const header = parseHeader(await reader.read(BLOCK_BYTES), name);
    if (header === undefined) {
      // To the very end: a compressed stream is only checked as a whole there.
      await reader.skipToEnd();
      return;
    }
    const { type, sizeBytes } = header;
    if (PAX_HEADERS.has(type)) throw invalidArchive(name, "it uses pax headers");

    const content = memberContent(reader, sizeBytes);
    if (type === GNU_LONG_NAME || type === GNU_LONG_LINK) {
      if (sizeBytes > MAX_NAME_BYTES) throw invalidArchive(name, `a name is longer than ${MAX_NAME_BYTES} bytes`);
      const text = cString(await reader.read(sizeBytes), 0, sizeBytes);
      if (type === GNU_LONG_NAME) longName = text;
    } else {
      const path = longName ?? header.path;
      longName = undefined;
      if (type === REGTYPE || type === AREGTYPE) {
        yield { path: path.replace(/^(?:\.\/)+/, ""), sizeBytes, content: content.stream };
      }
      await content.drain();
    }
    await reader.skip(-sizeBytes & (BLOCK_BYTES - 1));
  }
}

/** Undefined for the block of zeros that ends an archive. */
function parseHeader(block: Buffer, archive: string): { path: string; type: string; sizeBytes: number } | undefined {
  let sum = 0;
  for (const byte of block) sum += byte;
  if (sum === 0) return undefined;
  // The checksum is taken as if its own field were blanks.
  for (let i = CHECKSUM.start; i < CHECKSUM.start + CHECKSUM.length; i += 1) sum += 0x20 - (block[i] ?? 0);
  if (octal(block, CHECKSUM.start, CHECKSUM.length) !== sum) {
    throw invalidArchive(archive, "the checksum of a tar header is wrong");
  }
  const sizeBytes = octal(block, 124, 12);
  if (!Number.isSafeInteger(sizeBytes)) throw invalidArchive(archive, "an entry has no valid size");
  const prefix = block.toString("latin1", 257, 262) === "ustar" && block[263] === 0x30 ? cString(block, 345, 155) : "";
  const path = cString(block, 0, 100);
  return {
    path: prefix === "" ? path : `${prefix}/${path}`,
    type: String.fromCharCode(block[156] ?? 0),
    sizeBytes,
  };
}

function octal(block: Buffer, start: number, length: number): number {
  const text = cString(block, start, length).trim();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
}

function cString(block: Buffer, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end === -1 ? length : end);
}
