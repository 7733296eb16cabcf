import { parseJson } from "./answers.ts";
import { connectionLost, errorFromWire, isRecord, notOurApi, transportError } from "./daemon-errors.ts";
import type { Exchange } from "./http-exchange.ts";
import { textLines } from "./text-lines.ts";

/** Says after which event a client comes back (HTML Standard, 9.2.4). */
export const LAST_EVENT_FIELD = "last-event-id";
const MAX_LINE_BYTES = 4 * 1024 ** 2;

/**
 * Reads server-sent events (HTML Standard, 9.2.6), as far as a daemon of ours sends them: the data of each is one line of
 * JSON. Ends with the signal; the connection is closed when nobody reads any more.
 *
 * @param noteId is told the id of each, before it comes, and of where the stream begins.
 * @throws BangerError what the daemon told; {@link ConnectionLost} where the connection ends.
 */
export async function* followEvents(
  body: AsyncIterable<Uint8Array>,
  request: Exchange,
  socketPath: string,
  signal: AbortSignal,
  noteId: (id: string) => void,
): AsyncGenerator {
  using _request = request;
  const end = (): void => request[Symbol.dispose]();
  signal.addEventListener("abort", end, { once: true });
  let isError = false;
  try {
    for await (const line of textLines(body, MAX_LINE_BYTES)) {
      if (line.startsWith("id:")) noteId(line.slice(3).trim());
      if (line.startsWith("event:")) isError = line.slice(6).trim() === "error";
      if (!line.startsWith("data:")) continue;
      const data = parseJson(line.slice(5));
      if (!isError) {
        yield data;
        continue;
      }
      throw isRecord(data) ? errorFromWire(data["error"]) : notOurApi("an error that is no object");
    }
    throw connectionLost();
  } catch (error) {
    throw transportError(error, socketPath, signal);
  } finally {
    signal.removeEventListener("abort", end);
  }
}
