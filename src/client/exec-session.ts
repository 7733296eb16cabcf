import { Readable, Writable } from "node:stream";
import type { RawData, WebSocket } from "ws";
import type { ExecClientFrame } from "../api/exec-frames.ts";
import { MAX_FRAME_BYTES, STDERR, STDIN, STDOUT } from "../api/exec-streams.ts";
import { asBangerError, BangerError } from "../lib/errors.ts";
import { connectionLost, errorFromWire } from "./daemon-errors.ts";
import { closedEarly, jsonFrame, sendFrame } from "./web-socket.ts";

/** How a command ended. `code` is 128 + the signal's number where a signal ended it. */
export interface ExecExit {
  readonly code: number;
  readonly signal?: string | undefined;
}

export type ExecStartInput = Omit<Extract<ExecClientFrame, { type: "start" }>, "type">;

/** A command that runs in a VM. Both outputs must be read, or it stands still. */
export interface ExecSession {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles when the command has ended; rejects when it could not be run, or the connection broke. */
  readonly exit: Promise<ExecExit>;
  /** Whether the command runs, as far as is known here: before that nothing takes a signal. */
  readonly started: boolean;
  resize(rows: number, cols: number): void;
  signal(name: NodeJS.Signals): void;
  /** Lets go. The daemon ends a command that nobody listens to any more. */
  close(): void;
}

/**
 * The first frame of a command's session.
 *
 * @throws BangerError `BAD_REQUEST` for a command that is larger than a frame may be.
 */
export function startFrame(start: ExecStartInput): string {
  const frame = JSON.stringify({ type: "start", ...start } satisfies ExecClientFrame);
  const size = Buffer.byteLength(frame);
  if (size <= MAX_FRAME_BYTES) return frame;
  throw new BangerError("BAD_REQUEST", {
    what: "the command is too long",
    why: `its words and variables take ${size} bytes as they are sent, and may take ${MAX_FRAME_BYTES}`,
    fix: "hand the data over by stdin, or in a file",
    data: { sizeBytes: size, limitBytes: MAX_FRAME_BYTES },
  });
}

/** Starts a command by its frame on an open, paused WebSocket. */
export function execSession(webSocket: WebSocket, start: string, signal: AbortSignal): ExecSession {
  const send = (frame: ExecClientFrame): void => webSocket.send(JSON.stringify(frame), () => {});
  const { promise: exit, resolve, reject } = Promise.withResolvers<ExecExit>();
  const stdin = stdinOf(webSocket);
  const [stdout, stderr] = outputsOf(webSocket);
  // A failure shows in all of them: whoever waits for one need not listen to the others.
  exit.catch(() => {});
  for (const stream of [stdin, stdout, stderr]) stream.on("error", () => {});
  let over = false;
  let started = false;

  const fail = (error: Error): void => {
    if (over) return;
    over = true;
    reject(error);
    stdout.destroy(error);
    stderr.destroy(error);
    stdin.destroy();
    webSocket.terminate();
  };
  const finish = (frame: Readonly<Record<string, unknown>>): void => {
    if (over) return;
    over = true;
    // What they hold is still read; nothing more comes.
    stdout.push(null);
    stderr.push(null);
    stdin.destroy();
    const { code, signal } = frame;
    resolve({ code: typeof code === "number" ? code : 1, ...(typeof signal === "string" && { signal }) });
    webSocket.close(1000);
  };
  webSocket.on("message", (data: RawData, isBinary: boolean) => {
    // A word of its output says so, too.
    started ||= isBinary;
    if (isBinary) return;
    const frame = jsonFrame(data);
    started ||= frame["type"] === "started";
    if (frame["type"] === "exit") finish(frame);
    if (frame["type"] === "error") fail(errorFromWire(frame["error"]));
  });
  webSocket.on("error", (error) => fail(connectionLost(error)));
  webSocket.on("close", (code: number, reason: Buffer) =>
    fail(signal.aborted ? asBangerError(signal.reason) : closedEarly(code, reason)),
  );
  webSocket.send(start, () => {});
  webSocket.resume();
  return {
    stdin,
    stdout,
    stderr,
    exit,
    get started() {
      return started;
    },
    resize: (rows, cols) => send({ type: "resize", rows, cols }),
    signal: (name) => send({ type: "signal", signal: name }),
    close: () => webSocket.terminate(),
  };
}

function stdinOf(webSocket: WebSocket): Writable {
  const sendPieces = (chunk: Uint8Array, done: (error?: Error | null) => void): void => {
    const piece = chunk.subarray(0, MAX_FRAME_BYTES - 1);
    const rest = chunk.subarray(piece.length);
    sendFrame(webSocket, tagged(STDIN, piece), (error) => {
      if (error || rest.length === 0) done(error);
      else sendPieces(rest, done);
    });
  };
  return new Writable({
    highWaterMark: 256 * 1024,
    // An empty frame would be the end of it.
    write: (chunk: Buffer, _encoding, done) => (chunk.length === 0 ? done() : sendPieces(chunk, done)),
    final: (done) => sendFrame(webSocket, tagged(STDIN, new Uint8Array()), done),
  });
}

/** Both outputs share one connection: it stands still while either of them is full. */
function outputsOf(webSocket: WebSocket): readonly [Readable, Readable] {
  const full = new Set<Readable>();
  const output = (): Readable => {
    const stream = new Readable({
      highWaterMark: 256 * 1024,
      read() {
        full.delete(stream);
        if (full.size === 0) webSocket.resume();
      },
    });
    return stream;
  };
  const stdout = output();
  const stderr = output();
  webSocket.on("message", (data: RawData, isBinary: boolean) => {
    if (!isBinary || !Buffer.isBuffer(data)) return;
    const stream = data[0] === STDOUT ? stdout : data[0] === STDERR ? stderr : undefined;
    if (stream === undefined || stream.destroyed || stream.readableEnded || stream.push(data.subarray(1))) return;
    full.add(stream);
    webSocket.pause();
  });
  return [stdout, stderr];
}

function tagged(descriptor: number, bytes: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(bytes.length + 1);
  frame[0] = descriptor;
  frame.set(bytes, 1);
  return frame;
}
