/** Ctrl-]: as telnet has it. */
const ESCAPE = 0x1d;

/** What is typed, up to Ctrl-]. */
export async function* untilEscape(typed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of typed) {
    const at = chunk.indexOf(ESCAPE);
    if (at === -1) {
      yield chunk;
      continue;
    }
    if (at > 0) yield chunk.subarray(0, at);
    return;
  }
}
