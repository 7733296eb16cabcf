import type { Readable, Writable } from "node:stream";
import type { WebSocket } from "ws";

/** Bytes that may wait in a WebSocket before its source is made to wait. */
const HIGH_WATER_BYTES = 1024 ** 2;
const CHUNK_BYTES = 256 * 1024;

/** Sends a stream's bytes as binary frames, each behind `prefix`, no faster than the other side takes them. */
export async function sendBytes(
  source: Readable,
  socket: WebSocket,
  prefix: Uint8Array = Buffer.alloc(0),
): Promise<void> {
  for await (const chunk of source as AsyncIterable<Buffer>) {
    await sendChunk(chunk, socket, prefix);
    if (socket.readyState !== socket.OPEN) return;
  }
}

/** Sends bytes as binary frames, each behind `prefix`, and resolves when there is room for more. */
export async function sendChunk(chunk: Buffer, socket: WebSocket, prefix: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; at += CHUNK_BYTES) {
    const piece = chunk.subarray(at, at + CHUNK_BYTES);
    const frame = prefix.length === 0 ? piece : Buffer.concat([prefix, piece]);
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount < HIGH_WATER_BYTES) socket.send(frame);
    else await new Promise<void>((resolve) => socket.send(frame, () => resolve()));
  }
}

/** Streams that are full, of which each is waited for once: ws emits all frames that came in one piece. */
const full = new WeakSet<Writable>();

/** Gives a binary frame to a stream, and stops reading the WebSocket while that stream is full. */
export function takeBytes(bytes: Buffer, socket: WebSocket, target: Writable): void {
  if (target.destroyed || target.write(bytes) || full.has(target)) return;
  full.add(target);
  socket.pause();
  const goOn = (): void => {
    target.off("drain", goOn).off("close", goOn);
    full.delete(target);
    socket.resume();
  };
  target.on("drain", goOn).on("close", goOn);
}
