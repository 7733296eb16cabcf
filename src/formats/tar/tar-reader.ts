import type { ByteString } from "../../model/byte-string.ts";
import { BlockGatherer } from "./tar-blocks.ts";
import { ContentWalk } from "./tar-content.ts";
import { composeEntry, paxValue } from "./tar-entry.ts";
import { formatInvalid } from "../format-error.ts";
import type { TarHandler } from "./tar-handler.ts";
import { hasChecksum, isZeroBlock, parseHeader, TAR_BLOCK, type TarHeader } from "./tar-header.ts";
import { checkExtendedSize, paxInteger, parsePax, type PaxRecords } from "./tar-pax.ts";
import {
  checkSparse,
  extendOldSparse,
  isSparseInData,
  parseOldSparse,
  paxSparse,
  SparseMapReader,
  type OldSparse,
  type SparseMap,
} from "./tar-sparse.ts";

/**
 * What is expected next, unless a file's content is coming: `skip` passes over padding and bodies of no meaning, `probe`
 * tells whether a hard link or a V7 directory has a body, on which tars differ.
 */
type State =
  | "header"
  | "pax"
  | "global"
  | "long-name"
  | "long-link"
  | "old-sparse"
  | "sparse-map"
  | "skip"
  | "probe"
  | "end";

/**
 * Reads a tar archive that is pushed into it piece by piece: V7, ustar, pax, GNU and star, sparse files of each kind.
 *
 * Where programs differ it means what Go's archive/tar means, as the builders and engines do that made the image.
 * Nothing is kept but one block and one extended header (at most 1 MiB).
 */
export class TarReader {
  readonly #handler: TarHandler;
  readonly #refusesPax: boolean;
  #state: State = "header";
  /** Bytes of the archive before the current block. */
  #offset = 0;
  #zeroBlocks = 0;

  readonly #blocks = new BlockGatherer();
  #skipBytes = 0;

  #extendedBytes = 0;
  #pax: PaxRecords | undefined;
  #longName: ByteString | undefined;
  #longLink: ByteString | undefined;

  #header: TarHeader | undefined;
  /** Stored bytes of the current member's body, as its header or PAX record has it. */
  #bodyBytes = 0;
  #oldSparse: OldSparse | undefined;
  #mapReader: SparseMapReader | undefined;

  #content: ContentWalk | undefined;

  /** @param rules what an archive of this kind must not use, though tar knows it. */
  constructor(handler: TarHandler, { refusesPax = false }: { readonly refusesPax?: boolean } = {}) {
    this.#handler = handler;
    this.#refusesPax = refusesPax;
  }

  /** Whether a block of zeros has come, as ends a whole archive. */
  get sawEnd(): boolean {
    return this.#zeroBlocks > 0;
  }

  /** Bytes read so far; within {@link TarHandler.entry}, where the member's body begins. */
  get offset(): number {
    return this.#offset;
  }

  /** @throws FormatError as soon as something is wrong; the reader is of no use afterwards. */
  push(chunk: Buffer): Promise<void> | undefined {
    return this.#run(chunk, 0);
  }

  /**
   * An end after a member is taken without the two blocks of zeros, and without its padding: umoci writes such layers,
   * every engine reads them, and a layer that was cut there fails by its digest.
   *
   * @throws FormatError if the archive is cut off within a member.
   */
  end(): void {
    const padding = this.#state === "skip" && this.#skipBytes < TAR_BLOCK;
    const between =
      padding || ((this.#state === "header" || this.#state === "probe") && this.#blocks.pendingBytes === 0);
    if (this.#state === "end" || (between && this.#content === undefined && !this.#hasExtended())) return;
    throw formatInvalid(`the archive is cut off after ${this.#offset + this.#blocks.pendingBytes} bytes`);
  }

  #run(chunk: Buffer, from: number): Promise<void> | undefined {
    let at = from;
    while (at < chunk.length) {
      if (this.#state === "end") return undefined;
      if (this.#content !== undefined) {
        const { bytes, wait } = this.#passOn(this.#content, chunk, at);
        at += bytes;
        if (wait !== undefined) return wait.then(() => this.#run(chunk, at));
      } else if (this.#state === "skip") {
        const bytes = Math.min(this.#skipBytes, chunk.length - at);
        at += bytes;
        this.#skip(bytes);
      } else {
        const { bytes, block } = this.#blocks.take(chunk, at);
        at += bytes;
        if (block !== undefined) {
          this.#offset += block.length;
          this.#take(block);
        }
      }
    }
    return undefined;
  }

  #take(block: Buffer): void {
    switch (this.#state) {
      case "header":
        return this.#takeHeader(block);
      case "probe":
        return this.#takeProbe(block);
      case "old-sparse":
        return this.#takeOldSparse(block);
      case "sparse-map":
        return this.#takeSparseMap(block);
      case "pax":
        this.#pax = parsePax(block.subarray(0, this.#extendedBytes));
        break;
      case "global":
        // Go's archive/tar, and with it every engine, checks global records and gives them no effect.
        parsePax(block.subarray(0, this.#extendedBytes));
        break;
      case "long-name":
        this.#longName = cString(block, this.#extendedBytes);
        break;
      case "long-link":
        this.#longLink = cString(block, this.#extendedBytes);
        break;
      case "skip":
      case "end":
        throw new Error(`no block is gathered in state ${this.#state}`);
    }
    this.#state = "header";
  }

  #takeHeader(block: Buffer): void {
    if (block[0] === 0 && isZeroBlock(block)) {
      if (this.#hasExtended()) throw formatInvalid("the archive ends after an extended header");
      this.#zeroBlocks += 1;
      if (this.#zeroBlocks === 2) this.#state = "end";
      return;
    }
    if (this.#zeroBlocks !== 0) throw formatInvalid("a lone block of zeros stands in the middle of the archive");
    const header = parseHeader(block);
    const extended = EXTENDED[header.typeflag];
    if (extended !== undefined) return this.#startExtended(extended, header.size);

    const size = paxValue(this.#pax, "size");
    this.#header = header;
    this.#bodyBytes = size === undefined ? header.size : paxInteger(size, "size");
    if (header.typeflag === "S") {
      this.#oldSparse = parseOldSparse(block);
      if (this.#oldSparse.extended) this.#state = "old-sparse";
      else this.#startMember({ parts: this.#oldSparse.parts, realSize: this.#oldSparse.realSize });
      return;
    }
    if (this.#pax !== undefined && isSparseInData(this.#pax)) {
      if (this.#bodyBytes < TAR_BLOCK) throw formatInvalid("a sparse file without its map", header.name);
      this.#mapReader = new SparseMapReader();
      this.#state = "sparse-map";
      return;
    }
    this.#startMember(this.#pax === undefined ? undefined : paxSparse(this.#pax));
  }

  /** Whether something has been said of a member that has not come. */
  #hasExtended(): boolean {
    return this.#pax !== undefined || this.#longName !== undefined || this.#longLink !== undefined;
  }

  #startExtended(state: State, size: number): void {
    if (this.#refusesPax && (state === "pax" || state === "global")) throw formatInvalid("it uses pax headers");
    checkExtendedSize(size);
    if (size === 0) return;
    this.#extendedBytes = size;
    this.#blocks.expect(padded(size));
    this.#state = state;
  }

  #takeOldSparse(block: Buffer): void {
    if (this.#oldSparse === undefined) throw new Error("no sparse file is being read");
    this.#oldSparse = extendOldSparse(this.#oldSparse, block);
    if (this.#oldSparse.extended) return;
    this.#startMember({ parts: this.#oldSparse.parts, realSize: this.#oldSparse.realSize });
  }

  #takeSparseMap(block: Buffer): void {
    const reader = this.#mapReader;
    if (reader === undefined) throw new Error("no sparse map is being read");
    const complete = reader.push(block);
    if (reader.mapBytes > this.#bodyBytes) throw formatInvalid("a sparse map is longer than its file's data");
    if (!complete) return;
    const realSize = paxValue(this.#pax, "GNU.sparse.realsize");
    if (realSize === undefined) throw formatInvalid("a sparse file without GNU.sparse.realsize");
    this.#bodyBytes -= reader.mapBytes;
    this.#startMember({ parts: reader.parts, realSize: paxInteger(realSize, "GNU.sparse.realsize") });
  }

  /** All headers of a member have been read; `map` is set for a sparse file. */
  #startMember(map: SparseMap | undefined): void {
    const header = this.#header;
    if (header === undefined) throw new Error("no header has been read");
    const entry = composeEntry(
      header,
      this.#pax,
      { path: this.#longName, linkTarget: this.#longLink },
      map?.realSize ?? this.#bodyBytes,
    );
    this.#pax = this.#longName = this.#longLink = this.#oldSparse = this.#mapReader = this.#header = undefined;
    if (map !== undefined && entry.type === "file") checkSparse(map, this.#bodyBytes);

    this.#handler.entry(entry);
    if (entry.type === "file") {
      this.#content = new ContentWalk(map ?? { parts: [0, this.#bodyBytes], realSize: this.#bodyBytes });
      if (this.#content.isComplete) this.#endContent();
      return;
    }
    this.#handler.endEntry();
    // Other types have no body, whatever their size says; only of hard links do some tars store one (pax -o linkdata),
    // and of V7's directories, which have a file's type.
    const mayHaveBody = entry.type === "hardlink" || header.typeflag === "\0";
    this.#state = mayHaveBody && this.#bodyBytes > 0 ? "probe" : "header";
  }

  /** After a member of no content with a size: either the next header, or the first block of a body to pass over. */
  #takeProbe(block: Buffer): void {
    this.#state = "header";
    if (isZeroBlock(block) || hasChecksum(block)) return this.#takeHeader(block);
    this.#startSkip(padded(this.#bodyBytes) - TAR_BLOCK);
  }

  /** Hands on the next run of a file; how much of the chunk that took, and what to wait for. */
  #passOn(content: ContentWalk, chunk: Buffer, at: number): { bytes: number; wait: Promise<void> | undefined } {
    const run = content.next(chunk.length - at);
    const isHole = run.kind === "hole";
    const wait = isHole ? this.#handler.hole(run.bytes) : this.#handler.data(chunk.subarray(at, at + run.bytes));
    const bytes = isHole ? 0 : run.bytes;
    this.#offset += bytes;
    if (!content.isComplete) return { bytes, wait };
    // The member ends only when its last bytes have been taken.
    if (wait !== undefined) return { bytes, wait: wait.then(() => this.#endContent()) };
    this.#endContent();
    return { bytes, wait };
  }

  #endContent(): void {
    this.#content = undefined;
    this.#handler.endEntry();
    this.#startSkip(padded(this.#bodyBytes) - this.#bodyBytes);
  }

  #startSkip(bytes: number): void {
    this.#skipBytes = bytes;
    this.#state = bytes === 0 ? "header" : "skip";
  }

  #skip(bytes: number): void {
    this.#offset += bytes;
    this.#skipBytes -= bytes;
    if (this.#skipBytes === 0) this.#state = "header";
  }
}

/** Members that say something of the next one. `X` is Solaris' name for `x`. */
const EXTENDED: Readonly<Record<string, State>> = {
  x: "pax",
  X: "pax",
  g: "global",
  L: "long-name",
  K: "long-link",
};

function padded(size: number): number {
  return Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
}

function cString(block: Buffer, length: number): ByteString {
  const nul = block.indexOf(0);
  return block.toString("latin1", 0, nul === -1 ? length : Math.min(nul, length));
}
