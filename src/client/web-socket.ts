import type { IncomingMessage } from "node:http";
import type { RawData, WebSocket } from "ws";
import { MAX_FRAME_BYTES } from "../api/exec-streams.ts";
import type { BangerError } from "../lib/errors.ts";
import { connectUnix } from "../lib/unix-socket.ts";
import { connectionLost, isRecord } from "./daemon-errors.ts";
import { errorOf, parseJson } from "./answers.ts";
import type { WireRequest } from "./wire-request.ts";

/**
 * Opens a WebSocket on a unix socket. It comes paused, so that no frame is lost before its taker listens: `resume()` it.
 *
 * @throws BangerError what the daemon told instead; system errors as they are.
 */
export async function openWebSocket(socketPath: string, wire: WireRequest, signal: AbortSignal): Promise<WebSocket> {
  signal.throwIfAborted();
  // Loaded here and not before: most commands need none.
  const { WebSocket } = await import("ws");
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const webSocket = new WebSocket(`ws://localhost${wire.path}`, {
    // Not ws+unix: that form splits at a colon, which a socket's path may hold.
    createConnection: () => connectUnix(socketPath),
    perMessageDeflate: false,
    // A frame carries one byte more than its data: the descriptor.
    maxPayload: MAX_FRAME_BYTES + 1,
  });
  const onAbort = (): void => webSocket.terminate();
  webSocket.once("open", () => {
    webSocket.pause();
    resolve(webSocket);
  });
  webSocket.on("unexpected-response", (_request, response: IncomingMessage) => {
    errorOf(response.statusCode ?? 0, response)
      .then(reject, reject)
      .finally(() => webSocket.terminate());
  });
  webSocket.on("error", reject);
  signal.addEventListener("abort", onAbort, { once: true });
  webSocket.once("close", () => signal.removeEventListener("abort", onAbort));
  return promise;
}

/** Sends a frame and calls back once the socket took it, which is what holds a fast writer back. */
export function sendFrame(webSocket: WebSocket, data: Uint8Array, done: (error?: Error | null) => void): void {
  webSocket.send(data, { binary: true }, (error) => done(error ?? null));
}

/** A text frame's object; empty where it holds something else, since frames of unknown types are passed over. */
export function jsonFrame(data: RawData): Readonly<Record<string, unknown>> {
  try {
    const frame = Buffer.isBuffer(data) ? parseJson(data.toString("utf8")) : undefined;
    return isRecord(frame) ? frame : {};
  } catch {
    return {};
  }
}

/** A WebSocket that was closed before its time, with what the daemon said of it. */
export function closedEarly(code: number, reason: Buffer): BangerError {
  const said = reason.toString("utf8");
  return connectionLost(new Error(`it was closed with ${code}${said === "" ? "" : `: ${said}`}`));
}

/** WebSocket close codes that say that all went well (RFC 6455, 7.4.1); 1005 stands for none given. */
export function closedWell(code: number): boolean {
  return code === 1000 || code === 1005;
}
