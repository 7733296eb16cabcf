/** Takes a stream of bytes apart piece by piece. */
export interface ByteReader {
  /** The text before the next `marker`, which is skipped; undefined when it does not come within `maxBytes`. */
  until(marker: string, maxBytes: number): Promise<string | undefined>;
  /** What is here or comes next, at most `maxBytes`; undefined at the end. */
  some(maxBytes: number): Promise<Uint8Array | undefined>;
}

export function byteReader(source: AsyncIterable<Uint8Array>): ByteReader {
  const chunks = source[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    const { done, value } = await chunks.next();
    if (done === true) return false;
    const chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    return true;
  };
  return {
    async until(marker, maxBytes) {
      for (;;) {
        const at = rest.indexOf(marker, 0, "latin1");
        if (at > maxBytes || (at === -1 && rest.length > maxBytes)) return undefined;
        if (at !== -1) {
          const text = rest.toString("latin1", 0, at);
          rest = rest.subarray(at + marker.length);
          return text;
        }
        if (!(await more())) return undefined;
      }
    },
    async some(maxBytes) {
      if (rest.length === 0 && !(await more())) return undefined;
      const piece = rest.subarray(0, maxBytes);
      rest = rest.subarray(piece.length);
      return piece;
    },
  };
}
