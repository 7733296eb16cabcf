import { BangerError } from "../lib/errors.ts";

/** A stream of bytes as everything here passes it on: chunks of any length. */
export type ByteStream = AsyncIterable<Uint8Array>;

/**
 * Reads formats that are walked from front to back: headers of a known length, then content.
 *
 * Chunks are passed on, not copied, unless a read spans two of them. Close it when done, so that the source is.
 */
export class ByteReader implements AsyncDisposable {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #name: string;
  #chunk: Uint8Array = new Uint8Array(0);

  /** @param name what is read, for the error when it ends too early. */
  constructor(source: ByteStream, name: string) {
    this.#source = source[Symbol.asyncIterator]();
    this.#name = name;
  }

  /** Whether nothing is left. */
  async atEnd(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return true;
      this.#chunk = next.value;
    }
    return false;
  }

  /**
   * The next `length` bytes, together.
   *
   * @throws BangerError `ARCHIVE_INVALID` if fewer are left.
   */
  async read(length: number): Promise<Buffer> {
    if (this.#chunk.length >= length) return asBuffer(this.#takeUpTo(length));
    const bytes = Buffer.allocUnsafe(length);
    let filled = 0;
    for await (const part of this.take(length)) {
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes;
  }

  /** The next `length` bytes as they come. What the consumer leaves is not skipped. */
  async *take(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0;) {
      if (await this.atEnd()) throw endsTooEarly(this.#name, left);
      const part = this.#takeUpTo(left);
      left -= part.length;
      yield part;
    }
  }

  async skip(length: number): Promise<void> {
    for await (const part of this.take(length)) void part;
  }

  async skipToEnd(): Promise<void> {
    while (!(await this.atEnd())) this.#takeUpTo(this.#chunk.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.return?.();
  }

  #takeUpTo(length: number): Uint8Array {
    const part = this.#chunk.subarray(0, length);
    this.#chunk = this.#chunk.subarray(part.length);
    return part;
  }
}

/** A stream of one chunk. */
export async function* streamOf(bytes: Uint8Array): ByteStream {
  yield bytes;
}

/** Content of one member of an archive, which knows how much of it was not read yet. */
export interface MemberContent {
  readonly stream: ByteStream;
  /** Passes over what the consumer left. */
  drain(): Promise<void>;
}

export function memberContent(reader: ByteReader, sizeBytes: number): MemberContent {
  let left = sizeBytes;
  return {
    stream: (async function* () {
      for await (const part of reader.take(left)) {
        // Counted before the yield: a consumer that stops here has this part.
        left -= part.length;
        yield part;
      }
    })(),
    drain: () => reader.skip(left),
  };
}

/**
 * The whole stream in one buffer.
 *
 * @throws BangerError `ARCHIVE_INVALID` as soon as it is longer than `maxBytes`.
 */
export async function collect(stream: ByteStream, maxBytes: number, name: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of stream) {
    length += part.length;
    if (length > maxBytes) throw invalidArchive(name, `it is longer than ${maxBytes} bytes`);
    // Whoever made the part may use its memory again.
    parts.push(Buffer.from(part));
  }
  return Buffer.concat(parts, length);
}

export function invalidArchive(name: string, why: string, cause?: unknown): BangerError {
  return new BangerError("ARCHIVE_INVALID", {
    what: `${name} cannot be read`,
    why,
    fix: "get the file anew: it is damaged, or not what its name says",
    cause,
  });
}

function endsTooEarly(name: string, missing: number): BangerError {
  return invalidArchive(name, `it ends too early, at least ${missing} bytes are missing`);
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
