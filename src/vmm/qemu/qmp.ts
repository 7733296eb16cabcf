import type { Duplex } from "node:stream";
import { untilAborted } from "../../lib/deadline.ts";
import { BangerError } from "../../lib/errors.ts";
import { parseQmpMessage, type QmpEvent, type QmpGreeting, type QmpMessage } from "./qmp-messages.ts";

/** QEMU's answers to what we ask have a few hundred bytes. */
const MAX_LINE_BYTES = 1024 ** 2;

/** A session with QEMU's control socket, ready for commands. QEMU serves one client at a time. */
export interface Qmp {
  readonly version: QmpGreeting["version"]["qemu"];
  /**
   * @throws BangerError `VMM_FAILED` with QEMU's words when it refuses, or when it goes away before it answers.
   */
  execute(command: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<unknown>;
  /** Settles when the session is over, whoever ended it; never rejects. All events came before. */
  readonly closed: Promise<void>;
  close(): void;
}

/**
 * Opens a session, and waits until QEMU has set up its machine: only then it answers commands.
 *
 * @throws BangerError `VMM_FAILED` when QEMU goes away or speaks no QMP; `CANCELLED` or the signal's reason.
 */
export async function openQmp(socket: Duplex, onEvent: (event: QmpEvent) => void, signal: AbortSignal): Promise<Qmp> {
  const session = startSession(socket, onEvent);
  try {
    const greeting = await untilAborted(session.greeting, signal);
    await session.execute("qmp_capabilities", {}, signal);
    return { ...session, version: greeting.version.qemu };
  } catch (error) {
    session.close();
    throw error;
  }
}

function startSession(socket: Duplex, onEvent: (event: QmpEvent) => void) {
  const greeting = Promise.withResolvers<QmpGreeting>();
  const closed = Promise.withResolvers<void>();
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  let failure: BangerError | undefined;

  greeting.promise.catch(() => {}); // Who connects waits for it; if they gave up, nobody does.
  const dispatch = (message: QmpMessage): void => {
    switch (message.kind) {
      case "greeting":
        return greeting.resolve(message);
      case "event":
        return onEvent(message);
      case "answer":
        return waiting.get(message.id)?.resolve(message.value);
      case "error":
        if (message.id !== undefined) waiting.get(message.id)?.reject(refused(message.desc));
        return undefined;
    }
  };
  readLines(socket, (line) => {
    const message = parseQmpMessage(line);
    if (message === undefined) socket.destroy(notQmp(line));
    else dispatch(message);
  });
  socket.on("error", (error) => {
    failure = error instanceof BangerError ? error : gone(error);
  });
  socket.on("close", () => {
    const reason = failure ?? gone();
    greeting.reject(reason);
    for (const { reject } of waiting.values()) reject(reason);
    closed.resolve();
  });

  return {
    greeting: greeting.promise,
    closed: closed.promise,
    close: () => void socket.destroy(),
    async execute(command: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<unknown> {
      signal.throwIfAborted();
      if (socket.destroyed) throw failure ?? gone();
      lastId += 1;
      const id = lastId;
      const answer = Promise.withResolvers<unknown>();
      answer.promise.catch(() => {}); // An aborted caller waits no longer.
      waiting.set(id, answer);
      try {
        socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
        return await untilAborted(answer.promise, signal);
      } finally {
        waiting.delete(id);
      }
    },
  };
}

function readLines(socket: Duplex, onLine: (line: string) => void): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") onLine(line);
    if (rest.length > MAX_LINE_BYTES) socket.destroy(notQmp(`a line of more than ${MAX_LINE_BYTES} bytes`));
  });
}

function refused(desc: string): BangerError {
  return new BangerError("VMM_FAILED", {
    what: "QEMU refused a command",
    why: desc,
    fix: "see `banger vm inspect`, and stop the VM if it does not answer",
  });
}

function gone(cause?: Error): BangerError {
  return new BangerError("VMM_FAILED", {
    what: "QEMU closed its control socket",
    ...(cause && { why: cause.message }),
    fix: "see the VM's state with `banger vm inspect`",
    cause,
  });
}

function notQmp(line: string): BangerError {
  return new BangerError("VMM_FAILED", {
    what: "what answers on QEMU's control socket does not speak QMP",
    why: line.slice(0, 200),
    fix: "check `qemu_bin` in the configuration",
  });
}
