import type { RawData, WebSocket } from "ws";
import {
  attachClientFrameSchema,
  type AttachClientFrame,
  type AttachServerFrame,
  type AttachStart,
} from "../../../api/attach-frames.ts";
import { STDERR, STDIN, STDOUT } from "../../../api/exec-streams.ts";
import type { AgentAttachment, SessionPiece } from "../../../guest/agent-client.ts";
import { signalNumber } from "../../../guest/signal-number.ts";
import { BangerError } from "../../../lib/errors.ts";
import { FrameQueue } from "../commands/frame-queue.ts";
import { sendChunk, takeBytes } from "../commands/frames.ts";
import { openScreen } from "./repaint.ts";

/** Of a terminal all that is kept is needed to know its screen; of other output, enough to see what goes on. */
const TERMINAL_HISTORY_BYTES = 64 * 1024 ** 2;
const PLAIN_HISTORY_BYTES = 64 * 1024;

type Attach = (start: AttachStart, historyBytes: number, signal: AbortSignal) => Promise<AgentAttachment>;

/** Serves the WebSocket of `vmSessionAttach`: one who is attached, until he goes away or the session has ended. */
export async function serveAttach(socket: WebSocket, signal: AbortSignal, attach: Attach): Promise<void> {
  const frames = new FrameQueue(socket);
  const first = await frames.next(signal);
  const start = first.binary ? undefined : parseFrame(first.data);
  if (start?.type !== "start") throw badFrame("the first frame must be `start`");
  const attached = await attach(start, TERMINAL_HISTORY_BYTES, signal);
  const { session } = attached;
  send(socket, { type: "started", session });
  frames.handOver(({ data, binary }) => {
    try {
      if (binary) takeStdin(data, socket, attached, start);
      else control(parseFrame(data), attached);
    } catch {
      socket.close(1008, "bad frame");
    }
  });
  const history = session.terminal === undefined ? plainHistory() : await screenOf(attached, session.terminal);
  let isLive = false;
  for await (const event of attached.events) {
    switch (event.type) {
      case "output":
        if (isLive) await sendPiece(event.piece, socket);
        else await history.take(event.piece);
        break;
      case "live":
        isLive = true;
        for (const piece of history.show()) await sendPiece(piece, socket);
        if (session.logCut && start.write) drawAnew(attached);
        break;
      case "taken":
        throw taken(session.name);
      case "ended": {
        const { exitCode, signal: by } = event.session;
        send(socket, { type: "exit", code: exitCode ?? null, signal: by, session: event.session });
        return;
      }
    }
    if (socket.readyState !== socket.OPEN) return;
  }
}

/** What came before, until all of it is there. */
interface History {
  take(piece: SessionPiece): Promise<void>;
  /** What is shown of it; called once. */
  show(): readonly SessionPiece[];
}

async function screenOf(
  { session }: AgentAttachment,
  size: { readonly rows: number; readonly cols: number },
): Promise<History> {
  // Its log begins with a size of its own, unless that is not kept any more.
  const screen = await openScreen(size);
  let bytes = 0;
  return {
    async take(piece) {
      if (piece.kind === "size") return screen.resize(piece);
      bytes += piece.bytes.length;
      if (bytes > 2 * TERMINAL_HISTORY_BYTES) throw tooLong(session.name);
      await screen.print(piece.bytes);
    },
    show() {
      const painted = Buffer.from(screen.repaint());
      screen.close();
      return [{ timeNs: 0n, kind: "stdout", bytes: painted }];
    },
  };
}

function plainHistory(): History {
  let kept: SessionPiece[] = [];
  let bytes = 0;
  return {
    async take(piece) {
      if (piece.kind === "size") return;
      kept.push(piece);
      bytes += piece.bytes.length;
      for (let [oldest] = kept; oldest !== undefined && oldest.kind !== "size"; [oldest] = kept) {
        if (bytes - oldest.bytes.length < PLAIN_HISTORY_BYTES) return;
        bytes -= oldest.bytes.length;
        kept = kept.slice(1);
      }
    },
    show: () => kept,
  };
}

/** Without the beginning of its log nobody knows the whole screen: a program draws it anew when its terminal's size changes. */
function drawAnew(attached: AgentAttachment): void {
  const { terminal } = attached.session;
  if (terminal === undefined || terminal.rows < 2) return;
  attached.resize({ ...terminal, rows: terminal.rows - 1 });
  attached.resize(terminal);
}

async function sendPiece(piece: SessionPiece, socket: WebSocket): Promise<void> {
  if (piece.kind === "size") return;
  await sendChunk(Buffer.from(piece.bytes), socket, Buffer.of(piece.kind === "stderr" ? STDERR : STDOUT));
}

function takeStdin(frame: RawData, socket: WebSocket, { stdin }: AgentAttachment, { write }: AttachStart): void {
  const bytes = asBuffer(frame);
  if (bytes[0] !== STDIN) throw badFrame(`a client cannot write to stream ${bytes[0] ?? "(none)"}`);
  if (write && bytes.length > 1) takeBytes(bytes.subarray(1), socket, stdin);
}

function control(frame: AttachClientFrame, attached: AgentAttachment): void {
  switch (frame.type) {
    case "resize":
      attached.resize(frame);
      return;
    case "signal":
      attached.signal(signalNumber(frame.signal));
      return;
    case "start":
      throw badFrame("it has started already");
  }
}

function parseFrame(data: RawData): ReturnType<typeof attachClientFrameSchema.parse> {
  let value: unknown;
  try {
    value = JSON.parse(asBuffer(data).toString("utf8"));
  } catch {
    throw badFrame("it is not JSON");
  }
  const parsed = attachClientFrameSchema.safeParse(value);
  if (!parsed.success) throw badFrame(parsed.error.issues.map((issue) => issue.message).join("; "));
  return parsed.data;
}

function badFrame(why: string): BangerError {
  return new BangerError("BAD_REQUEST", { what: "a frame cannot be read", why, fix: "see src/api/attach-frames.ts" });
}

function taken(name: string): BangerError {
  return new BangerError("SESSION_TAKEN", {
    what: `another has taken session ${name} over`,
    fix: "watch it with `banger session attach --read-only`, or take it back with `banger session attach --steal`",
  });
}

function tooLong(name: string): BangerError {
  return new BangerError("AGENT_PROTOCOL", {
    what: `the log of session ${name} has no end`,
    why: "an agent keeps far less",
    fix: "start the VM again",
  });
}

function send(socket: WebSocket, frame: AttachServerFrame): void {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame));
}

function asBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
