import { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import { MAX_FRAME_BYTES } from "../api/exec-streams.ts";
import { asBangerError } from "../lib/errors.ts";
import { connectionLost, errorFromWire } from "./daemon-errors.ts";
import { closedEarly, closedWell, jsonFrame, sendFrame } from "./web-socket.ts";

/**
 * The WebSocket of a console or a forward as a plain stream: binary frames are bytes, and either direction can end
 * while the other goes on.
 */
export function rawStream(webSocket: WebSocket, signal: AbortSignal): Duplex {
  let endReceived = false;
  const isOpen = (): boolean => webSocket.readyState === webSocket.OPEN;
  const end = (): void => {
    if (!endReceived) stream.push(null);
    endReceived = true;
  };
  const stream = new Duplex({
    allowHalfOpen: true,
    read: () => webSocket.resume(),
    // The far side may close while we still write, as a shell does that exits: what nobody takes is dropped.
    write: (chunk: Buffer, _encoding, done) => (isOpen() ? sendPieces(webSocket, chunk, done) : done()),
    final: (done) =>
      isOpen() ? webSocket.send(JSON.stringify({ type: "end" }), (error) => done(error ?? null)) : done(),
    destroy(error, done) {
      if (error === null) webSocket.close(1000);
      else webSocket.terminate();
      // The closing handshake must be read.
      webSocket.resume();
      done(error);
    },
  });
  /** What came is still read; who goes on writing learns that it is over. */
  const letGo = (): void => {
    end();
    if (stream.readableEnded) stream.destroy();
    else stream.once("end", () => stream.destroy());
  };
  webSocket.on("message", (data: RawData, isBinary: boolean) => {
    if (stream.destroyed) return;
    if (isBinary) {
      if (!endReceived && !stream.push(data)) webSocket.pause();
      return;
    }
    const frame = jsonFrame(data);
    if (frame["type"] === "end") end();
    if (frame["type"] === "error") stream.destroy(errorFromWire(frame["error"]));
  });
  webSocket.on("error", (error) => stream.destroy(connectionLost(error)));
  webSocket.on("close", (code: number, reason: Buffer) => {
    if (signal.aborted) stream.destroy(asBangerError(signal.reason));
    else if (!endReceived && !closedWell(code)) stream.destroy(closedEarly(code, reason));
    else letGo();
  });
  return stream;
}

/** Frames are bounded; a chunk of any size goes out in as many as it takes. */
function sendPieces(webSocket: WebSocket, chunk: Buffer, done: (error?: Error | null) => void): void {
  const piece = chunk.subarray(0, MAX_FRAME_BYTES);
  const rest = chunk.subarray(MAX_FRAME_BYTES);
  sendFrame(webSocket, piece, (error) => {
    if (error || rest.length === 0) done(error);
    else sendPieces(webSocket, rest, done);
  });
}
