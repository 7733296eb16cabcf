import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Io } from "../io.ts";

/** Joins stdin and stdout with a stream until both directions have ended. Each ends by itself, as in a TCP connection. */
export async function bridge(stream: Duplex, { stdin, stdout }: Io): Promise<void> {
  // When the far side has gone, what we would still send has no taker: no failure.
  const sending = pipeline(stdin, stream).catch(() => {});
  await pipeline(stream, stdout, { end: false });
  await sending;
}
