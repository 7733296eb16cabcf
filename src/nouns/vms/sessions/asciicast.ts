import type { SessionPiece } from "../../../guest/agent-client.ts";
import type { GuestSession } from "../../../model/session.ts";

/** What a recording without a terminal is shown on. */
const PLAIN = { rows: 24, cols: 80 };

/**
 * A recording for asciinema: a line of JSON each for the header and what was printed or resized, with seconds since the
 * beginning (https://docs.asciinema.org/manual/asciicast/v2/). Without a terminal each end of a line gets a CR, as a terminal's driver does.
 *
 * @param pieces of the log, oldest first.
 */
export async function* asciicast(
  session: GuestSession,
  pieces: AsyncIterable<SessionPiece>,
): AsyncGenerator<Uint8Array> {
  const isTerminal = session.terminal !== undefined;
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  let beganNs: bigint | undefined;
  let size = PLAIN;
  for await (const piece of pieces) {
    if (piece.kind === "size") size = { rows: piece.rows, cols: piece.cols };
    if (beganNs === undefined) {
      beganNs = piece.timeNs;
      yield headerOf(session, size, beganNs);
      if (piece.kind === "size") continue;
    }
    const seconds = Number(piece.timeNs - beganNs) / 1e9;
    if (piece.kind === "size") {
      yield line([seconds, "r", `${piece.cols}x${piece.rows}`]);
      continue;
    }
    const text = decoders[piece.kind].decode(piece.bytes, { stream: true });
    // The first bytes of a character, of which the rest comes later.
    if (text !== "") yield line([seconds, "o", isTerminal ? text : text.replaceAll("\n", "\r\n")]);
  }
  if (beganNs === undefined) yield headerOf(session, size, BigInt(Date.parse(session.createdAt)) * 1_000_000n);
}

function headerOf({ command }: GuestSession, { rows, cols }: typeof PLAIN, beganNs: bigint): Uint8Array {
  const timestamp = Number(beganNs / 1_000_000_000n);
  return line({ version: 2, width: cols, height: rows, timestamp, command: command.join(" ") });
}

function line(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
