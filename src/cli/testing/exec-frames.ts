import type { RawData, WebSocket } from "ws";
import { STDOUT } from "../../api/exec-streams.ts";

/** Bytes of stdout, as a frame. */
export function out(bytes: Uint8Array | string): Buffer {
  return Buffer.concat([Buffer.of(STDOUT), Buffer.from(bytes)]);
}

/** Calls back with each control frame, and with the bytes of stdin; `undefined` is its end. */
export function onFrames(
  webSocket: WebSocket,
  control: (frame: Record<string, unknown>) => void,
  stdin: (bytes: Buffer | undefined) => void = () => {},
): void {
  webSocket.on("message", (data: RawData, isBinary: boolean) => {
    const bytes = data as Buffer;
    if (!isBinary) control(JSON.parse(bytes.toString("utf8")) as Record<string, unknown>);
    else stdin(bytes.length === 1 ? undefined : bytes.subarray(1));
  });
}

/** Ends a command. */
export function exit(webSocket: WebSocket, code: number): void {
  webSocket.send(JSON.stringify({ type: "exit", code }));
  webSocket.close();
}
