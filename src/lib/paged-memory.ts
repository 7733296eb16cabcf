import { NamelessFile } from "./nameless-file.ts";

interface Page {
  readonly buffer: Buffer;
  /** Which one the buffer holds. */
  number: number;
  isChanged: boolean;
  /** Whether it was asked for since the hand last passed it. */
  isRecent: boolean;
}

/** Memory in pages of one size, of which only so many are held at once; the others lie in a file without a name. */
export class PagedMemory implements Disposable {
  readonly #file: NamelessFile;
  readonly #pageBytes: number;
  readonly #maxHeld: number;
  /** By number; undefined is in the file. */
  readonly #pages: (Page | undefined)[] = [];
  readonly #held: Page[] = [];
  /** Goes round what is held, and takes the first that nobody has asked for since the last time (the clock algorithm). */
  #hand = 0;

  /**
   * @param folder where the file is made, should it be needed.
   * @param maxHeld how many pages are in memory at once.
   */
  constructor(folder: string, pageBytes: number, maxHeld: number) {
    this.#file = new NamelessFile(folder);
    this.#pageBytes = pageBytes;
    this.#maxHeld = maxHeld;
  }

  get pageCount(): number {
    return this.#pages.length;
  }

  /** One more page, of zeros. */
  addPage(): void {
    const number = this.#pages.length;
    const page = this.#take(number);
    page.buffer.fill(0);
    page.isChanged = true;
    this.#pages.push(page);
  }

  /** A page to read from. It is good until another is asked for. */
  read(number: number): Buffer {
    return this.#page(number).buffer;
  }

  /** A page to read from and write to. It is good until another is asked for. */
  change(number: number): Buffer {
    const page = this.#page(number);
    page.isChanged = true;
    return page.buffer;
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  #page(number: number): Page {
    const page = this.#pages[number] ?? this.#load(number);
    page.isRecent = true;
    return page;
  }

  #load(number: number): Page {
    if (number >= this.#pages.length) throw new Error(`there is no page ${number}`);
    const page = this.#take(number);
    this.#file.read(page.buffer, number * this.#pageBytes);
    this.#pages[number] = page;
    return page;
  }

  /** Room for a page, if need be where another was. */
  #take(number: number): Page {
    if (this.#held.length < this.#maxHeld) {
      const page = { buffer: Buffer.allocUnsafeSlow(this.#pageBytes), number, isChanged: false, isRecent: true };
      this.#held.push(page);
      return page;
    }
    const page = this.#oldest();
    if (page.isChanged) this.#file.write(page.buffer, page.number * this.#pageBytes);
    this.#pages[page.number] = undefined;
    page.number = number;
    page.isChanged = false;
    return page;
  }

  #oldest(): Page {
    for (;;) {
      const page = this.#held[this.#hand];
      this.#hand = (this.#hand + 1) % this.#held.length;
      if (page === undefined) throw new Error("no page is held");
      if (!page.isRecent) return page;
      page.isRecent = false;
    }
  }
}
