import { ReadableStream } from "node:stream/web";
import xz from "xz-decompress";
import { asBuffer, invalidArchive, type ByteStream } from "../byte-reader.ts";
import { FormatError } from "../format-error.ts";
import { inflate } from "./inflate.ts";

export const COMPRESSIONS = ["none", "gzip", "xz", "zstd"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

const BY_EXTENSION: Readonly<Record<string, Compression>> = { gz: "gzip", xz: "xz", zst: "zstd" };

/** What the last extension of a file name says: `data.tar.xz`, `ext4.ko.zst`. */
export function compressionOfName(name: string): Compression {
  return BY_EXTENSION[name.slice(name.lastIndexOf(".") + 1)] ?? "none";
}

/**
 * Decompresses while it streams. A part is good only until the next is asked for: its memory is used again.
 *
 * Only one xz stream runs at a time in this process (the library serialises them), so never wait for one inside another.
 *
 * @param name what is read, for errors.
 * @throws BangerError `ARCHIVE_INVALID` if the stream is damaged, truncated, or uses a feature that is not known.
 */
export async function* decompress(stream: ByteStream, compression: Compression, name: string): ByteStream {
  if (compression === "none") {
    yield* stream;
    return;
  }
  // Errors of the source (a cancelled download, a broken outer archive) are not about this stream's format.
  let sourceError: unknown;
  const watched = (async function* () {
    try {
      yield* stream;
    } catch (error) {
      sourceError = error;
      throw error;
    }
  })();
  try {
    yield* compression === "xz" ? unxz(watched) : unzlib(watched, compression);
  } catch (error) {
    if (sourceError !== undefined) throw sourceError;
    if (error instanceof FormatError) throw invalidArchive(name, error.message, error);
    const why = error instanceof Error ? error.message : String(error);
    throw invalidArchive(name, `its ${compression} data is damaged or not supported (${why})`, error);
  }
}

async function* unxz(source: AsyncGenerator<Uint8Array>): ByteStream {
  const reader = new xz.XzReadableStream(ReadableStream.from<Uint8Array>(source)).getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    // A stream that is not cancelled keeps all later ones waiting. Cancelling one that has ended fails in the library.
    await reader.cancel().catch(() => {});
    await source.return(undefined);
  }
}

async function* unzlib(source: AsyncGenerator<Uint8Array>, compression: "gzip" | "zstd"): ByteStream {
  const packed = async function* (): AsyncGenerator<Buffer> {
    for await (const part of source) yield asBuffer(part);
  };
  try {
    yield* inflate(packed(), compression);
  } finally {
    await source.return(undefined);
  }
}
