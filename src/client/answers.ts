import { errorFromWire, isRecord, notOurApi } from "./daemon-errors.ts";
import type { Answer } from "./http-exchange.ts";

/** Most that an answer in one piece may have: a list of some ten thousand VMs. */
const MAX_ANSWER_BYTES = 64 * 1024 ** 2;

/**
 * The answer's body, if it says success.
 *
 * @throws BangerError what the daemon told.
 */
export async function successOf(answer: Promise<Answer>): Promise<AsyncIterable<Uint8Array>> {
  const { status, body } = await answer;
  if (status === 200) return body;
  throw await errorOf(status, body);
}

/** The error in an answer that is no success. */
export async function errorOf(status: number, body: AsyncIterable<Uint8Array>): Promise<Error> {
  const told = await readJson(body);
  return isRecord(told) && "error" in told ? errorFromWire(told["error"]) : notOurApi(`HTTP status ${status}`);
}

/** Reads a whole body of JSON, up to a bound. */
export async function readJson(body: AsyncIterable<Uint8Array>): Promise<unknown> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > MAX_ANSWER_BYTES) throw notOurApi(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    pieces.push(piece);
  }
  return parseJson(Buffer.concat(pieces).toString("utf8"));
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notOurApi(`not JSON: ${JSON.stringify(text.slice(0, 80))}`);
  }
}
