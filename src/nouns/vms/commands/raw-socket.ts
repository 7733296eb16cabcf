import { finished } from "node:stream/promises";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { FrameQueue } from "./frame-queue.ts";
import { sendBytes, takeBytes } from "./frames.ts";

/** Joins a WebSocket with a byte stream until both directions have ended. */
export async function serveRaw(
  socket: WebSocket,
  signal: AbortSignal,
  open: (signal: AbortSignal) => Promise<Duplex>,
): Promise<void> {
  const frames = new FrameQueue(socket);
  const stream = await open(signal);
  const abort = (): void => void stream.destroy();
  signal.addEventListener("abort", abort, { once: true });
  stream.on("error", () => {}); // Told by what waits below.
  frames.handOver(({ data, binary }) => {
    const bytes = Buffer.isBuffer(data) ? data : Buffer.from(data as ArrayBuffer);
    // The one text frame that a client sends is `end`: its half is closed.
    if (binary) takeBytes(bytes, socket, stream);
    else stream.end();
  });
  try {
    await sendBytes(stream, socket);
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ type: "end" }));
    await finished(stream, { signal });
  } catch (error) {
    // A client that hangs up has had enough; that is no failure of ours.
    if (!signal.aborted) throw error;
  }
}
