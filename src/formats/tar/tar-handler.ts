import type { TarEntry } from "./tar-entry.ts";

/** Takes what a `TarReader` finds. A promise makes the reader wait; anything else goes on at once. */
export interface TarHandler {
  /** A member begins. Its content follows, if it is a file. */
  entry(entry: TarEntry): void;
  /** The next bytes of the file's content; the chunk is the reader's again when this returns or resolves. */
  data(chunk: Uint8Array): Promise<void> | undefined;
  /** The next bytes of the file's content are zeros that the archive does not hold. */
  hole(bytes: number): Promise<void> | undefined;
  /** The member is complete. */
  endEntry(): void;
}
