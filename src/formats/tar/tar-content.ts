import type { SparseMap } from "./tar-sparse.ts";

/** The next bytes of a file: some that the archive holds, or zeros that it does not. */
export interface ContentRun {
  readonly kind: "data" | "hole";
  readonly bytes: number;
}

/** Walks a file from its start to its end, part by part. An ordinary file is one part. */
export class ContentWalk {
  readonly #map: SparseMap;
  #part = 0;
  #position = 0;

  constructor(map: SparseMap) {
    this.#map = map;
  }

  get isComplete(): boolean {
    return this.#position === this.#map.realSize;
  }

  /** The next run, and goes past it. Of data at most `available` bytes; of a hole all. */
  next(available: number): ContentRun {
    const { parts, realSize } = this.#map;
    while ((parts[this.#part + 1] ?? 1) === 0) this.#part += 2;
    const start = parts[this.#part] ?? realSize;
    if (this.#position < start) {
      const bytes = start - this.#position;
      this.#position = start;
      return { kind: "hole", bytes };
    }
    const end = start + (parts[this.#part + 1] ?? 0);
    const bytes = Math.min(end - this.#position, available);
    this.#position += bytes;
    if (this.#position === end) this.#part += 2;
    return { kind: "data", bytes };
  }
}
