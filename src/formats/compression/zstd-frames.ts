import { formatInvalid, formatLimit } from "../format-error.ts";

// RFC 8878, 3.1: magic numbers of frames.
const ZSTD_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** Largest window that is taken: 128 MiB, what zstd itself takes unless told (ZSTD_WINDOWLOG_LIMIT_DEFAULT). */
export const MAX_ZSTD_WINDOW_LOG = 27;
/** Bound on frames in one layer; layers that can be read file by file have a frame for each. */
const MAX_FRAMES = 1_000_000;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;

/** Whether bytes begin with a frame, or one to skip. */
export function isZstd(magic: number): boolean {
  return magic === ZSTD_MAGIC || isSkippable(magic);
}

/**
 * Cuts a zstd stream so that no piece reaches past the end of a frame.
 *
 * Node's decompressor takes what follows a frame within one piece for trailing junk and drops it; given the next frame
 * in a piece of its own, it goes on.
 *
 * @throws FormatError if the stream is cut off within a frame, or asks for a window past 2^27 bytes.
 */
export async function* splitZstdFrames(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const walk = new FrameWalk();
  for await (const chunk of packed) {
    for (let at = 0; at < chunk.length;) {
      const end = walk.advance(chunk, at);
      yield chunk.subarray(at, end);
      at = end;
    }
  }
  walk.end();
}

/** What the next bytes are. Everything is passed over but the few that tell lengths. */
type Expected = "magic" | "skippable-size" | "descriptor" | "window" | "header-rest" | "block-header" | "body";

class FrameWalk {
  #expected: Expected = "magic";
  /** Bytes of it that are missing. */
  #missing = 4;
  #value = 0;
  #valueBytes = 0;
  /** Length of the frame header after what has been read of it. */
  #headerRest = 0;
  #checksum = 0;
  #lastBlock = false;
  #frames = 0;

  /** Goes on to the end of the frame or of the chunk, whichever comes first. */
  advance(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length) {
      const bytes = Math.min(this.#missing, chunk.length - at);
      if (this.#isNumber()) {
        for (let i = 0; i < bytes; i++) this.#value += (chunk[at + i] ?? 0) * 256 ** this.#valueBytes++;
      }
      at += bytes;
      this.#missing -= bytes;
      if (this.#missing === 0 && this.#step()) break;
    }
    return at;
  }

  end(): void {
    if (this.#expected !== "magic" || this.#valueBytes !== 0) throw formatInvalid("its zstd data is cut off");
  }

  #isNumber(): boolean {
    return this.#expected !== "body" && this.#expected !== "header-rest";
  }

  /** What has been awaited is complete; true at the end of a frame. */
  #step(): boolean {
    const value = this.#value;
    this.#value = this.#valueBytes = 0;
    switch (this.#expected) {
      case "magic":
        return this.#startFrame(value);
      case "skippable-size":
        return this.#lastBytes(value);
      case "descriptor":
        return this.#readDescriptor(value);
      case "window":
        if (10 + (value >>> 3) > MAX_ZSTD_WINDOW_LOG) throw formatInvalid(`its zstd data needs a window past 128 MiB`);
        return this.#expect("header-rest", this.#headerRest);
      case "header-rest":
        return this.#expect("block-header", BLOCK_HEADER_BYTES);
      case "block-header":
        return this.#readBlockHeader(value);
      case "body":
        return this.#lastBlock ? this.#endFrame() : this.#expect("block-header", BLOCK_HEADER_BYTES);
    }
    return false;
  }

  #startFrame(magic: number): boolean {
    this.#frames += 1;
    if (this.#frames > MAX_FRAMES) throw formatLimit(`it is made of more than ${MAX_FRAMES} zstd frames`);
    if (isSkippable(magic)) return this.#expect("skippable-size", 4);
    if (magic !== ZSTD_MAGIC) {
      const isFirst = this.#frames === 1;
      throw formatInvalid(isFirst ? "its zstd data is damaged" : "something that is not zstd follows its zstd data");
    }
    return this.#expect("descriptor", 1);
  }

  /** RFC 8878, 3.1.1.1.1: which fields the frame header has, and how long they are. */
  #readDescriptor(descriptor: number): boolean {
    const singleSegment = (descriptor & 0x20) !== 0;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
    const sizeFlag = descriptor >>> 6;
    const sizeBytes = sizeFlag === 0 ? Number(singleSegment) : 2 ** sizeFlag;
    if (dictionaryBytes !== 0) throw formatInvalid("its zstd data needs a dictionary");
    this.#checksum = (descriptor & 4) === 0 ? 0 : CHECKSUM_BYTES;
    this.#headerRest = sizeBytes;
    return singleSegment ? this.#expect("header-rest", sizeBytes) : this.#expect("window", 1);
  }

  /** RFC 8878, 3.1.1.2: last block, type, size. A block of type 1 is one byte that is repeated. */
  #readBlockHeader(header: number): boolean {
    this.#lastBlock = (header & 1) !== 0;
    const type = (header >>> 1) & 3;
    if (type === 3) throw formatInvalid("its zstd data is damaged");
    const size = type === 1 ? 1 : header >>> 3;
    return this.#lastBlock ? this.#lastBytes(size + this.#checksum) : this.#expect("body", size);
  }

  #lastBytes(bytes: number): boolean {
    this.#lastBlock = true;
    return this.#expect("body", bytes);
  }

  #expect(expected: Expected, bytes: number): boolean {
    this.#expected = expected;
    this.#missing = bytes;
    // Nothing to wait for: an empty block, a frame without checksum.
    return bytes === 0 ? this.#step() : false;
  }

  #endFrame(): boolean {
    this.#lastBlock = false;
    this.#expect("magic", 4);
    return true;
  }
}

function isSkippable(magic: number): boolean {
  return magic >>> 4 === SKIPPABLE_MAGIC >>> 4;
}
