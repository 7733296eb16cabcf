import type { RawData, WebSocket } from "ws";
import {
  execClientFrameSchema,
  type ExecClientFrame,
  type ExecServerFrame,
  type ExecStart,
} from "../../../api/exec-frames.ts";
import { STDERR, STDIN, STDOUT } from "../../../api/exec-streams.ts";
import { BangerError } from "../../../lib/errors.ts";
import type { AgentExec } from "../../../guest/agent-client.ts";
import { FrameQueue } from "./frame-queue.ts";
import { sendBytes, takeBytes } from "./frames.ts";

/** Serves the WebSocket of `vmExec`: one command, from its start frame to its exit. */
export async function serveExec(
  socket: WebSocket,
  signal: AbortSignal,
  exec: (start: ExecStart, signal: AbortSignal) => Promise<AgentExec>,
): Promise<void> {
  const frames = new FrameQueue(socket);
  const first = await frames.next(signal);
  const start = first.binary ? undefined : parseFrame(first.data);
  if (start?.type !== "start") throw badFrame("the first frame must be `start`");
  const running = await exec(start, signal);
  send(socket, { type: "started", pid: running.pid });
  frames.handOver(({ data, binary }) => {
    try {
      if (binary) takeStdin(data, socket, running);
      else control(parseFrame(data), running);
    } catch {
      socket.close(1008, "bad frame");
    }
  });
  await Promise.all([
    sendBytes(running.stdout, socket, Buffer.of(STDOUT)),
    sendBytes(running.stderr, socket, Buffer.of(STDERR)),
  ]);
  const exit = await running.exit;
  send(socket, { type: "exit", code: exit.code, signal: exit.signal });
}

function takeStdin(frame: RawData, socket: WebSocket, running: AgentExec): void {
  const bytes = asBuffer(frame);
  if (bytes[0] !== STDIN) throw badFrame(`a client cannot write to stream ${bytes[0] ?? "(none)"}`);
  if (bytes.length === 1) running.stdin.end();
  else takeBytes(bytes.subarray(1), socket, running.stdin);
}

function control(frame: ExecClientFrame, running: AgentExec): void {
  switch (frame.type) {
    case "resize":
      running.resize(frame.rows, frame.cols);
      return;
    case "signal":
      running.kill(frame.signal);
      return;
    case "start":
      throw badFrame("it has started already");
  }
}

function parseFrame(data: RawData): ReturnType<typeof execClientFrameSchema.parse> {
  let value: unknown;
  try {
    value = JSON.parse(asBuffer(data).toString("utf8"));
  } catch {
    throw badFrame("it is not JSON");
  }
  const parsed = execClientFrameSchema.safeParse(value);
  if (!parsed.success) throw badFrame(parsed.error.issues.map((issue) => issue.message).join("; "));
  return parsed.data;
}

function badFrame(why: string): BangerError {
  return new BangerError("BAD_REQUEST", { what: "a frame cannot be read", why, fix: "see src/api/exec-frames.ts" });
}

function send(socket: WebSocket, frame: ExecServerFrame): void {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame));
}

function asBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
