import { notOurApi } from "./daemon-errors.ts";

const NEWLINE = 0x0a;

/**
 * Cuts a stream of bytes into lines of UTF-8, without their ends. Empty lines are left out.
 *
 * @throws BangerError `DAEMON_UNREACHABLE` for a line longer than `maxBytes`.
 */
export async function* textLines(source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<string> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  const take = (bytes: Uint8Array): void => {
    pendingBytes += bytes.length;
    if (pendingBytes > maxBytes) throw notOurApi(`a line of more than ${maxBytes} bytes`);
    pending.push(bytes);
  };
  const flush = (): string => {
    const line = Buffer.concat(pending).toString("utf8");
    pending = [];
    pendingBytes = 0;
    return line;
  };
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      take(chunk.subarray(start, end));
      start = end + 1;
      const line = flush();
      if (line !== "") yield line;
    }
    take(chunk.subarray(start));
  }
  const last = flush();
  if (last !== "") yield last;
}
