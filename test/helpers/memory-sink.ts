import type { ContentSink, StoredContent } from "../../src/model/content-sink.ts";
import type { Inode } from "../../src/model/inode.ts";

/** Keeps files' contents in memory; a file's extent says which one is its. */
export class MemorySink implements ContentSink {
  readonly contents: Buffer[] = [];
  #chunks: Buffer[] | undefined;
  /** Makes every answer a promise, as a taker that must catch up does. */
  readonly #slow: boolean;

  constructor(slow = false) {
    this.#slow = slow;
  }

  beginFile(): void {
    if (this.#chunks !== undefined) throw new Error("the file before has not ended");
    this.#chunks = [];
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#slow) return new Promise((resolve) => setImmediate(() => resolve(this.#take(Buffer.from(chunk)))));
    this.#take(Buffer.from(chunk));
    return undefined;
  }

  hole(bytes: number): Promise<void> | undefined {
    return this.write(Buffer.alloc(bytes));
  }

  endFile(): StoredContent {
    if (this.#chunks === undefined) throw new Error("no file has begun");
    const content = Buffer.concat(this.#chunks);
    this.#chunks = undefined;
    this.contents.push(content);
    const place = { fileBlock: 0, diskBlock: this.contents.length - 1, blocks: 1 };
    return { size: content.length, extents: [place] };
  }

  /** What a file of the tree holds. */
  contentOf(inode: Inode | undefined): Buffer {
    const content = inode?.type === "file" ? this.contents[inode.extents[0]?.diskBlock ?? -1] : undefined;
    if (content === undefined) throw new Error(`not a file with content: ${inode?.type ?? "nothing"}`);
    return content;
  }

  #take(chunk: Buffer): void {
    if (this.#chunks === undefined) throw new Error("no file has begun");
    this.#chunks.push(chunk);
  }
}
