import { finished } from "node:stream/promises";
import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import { sendBytes, takeBytes } from "./frames.ts";

/** Joins a WebSocket with a byte stream until both directions have ended. */
export async function serveRaw(
  socket: WebSocket,
  signal: AbortSignal,
  open: (signal: AbortSignal) => Promise<Duplex>,
): Promise<void> {
  socket.pause();
  const stream = await open(signal);
  const abort = (): void => void stream.destroy();
  signal.addEventListener("abort", abort, { once: true });
  stream.on("error", () => {}); // Told by what waits below.
  socket.on("message", (data: RawData, isBinary: boolean) => {
    const bytes = Buffer.isBuffer(data) ? data : Buffer.from(data as ArrayBuffer);
    // The one text frame that a client sends is `end`: its half is closed.
    if (isBinary) takeBytes(bytes, socket, stream);
    else stream.end();
  });
  socket.resume();
  await sendBytes(stream, socket);
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ type: "end" }));
  await finished(stream, { signal }).catch(() => {});
}
