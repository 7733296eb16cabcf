import type { ExecSession } from "../../client/exec-session.ts";
import { hasErrno } from "../../lib/errors.ts";
import type { Io } from "../io.ts";
import { copyOut } from "./copy-out.ts";
import { DetachKeys } from "./detach-keys.ts";
import { exitStatus } from "./exit-status.ts";
import { withRawMode } from "./raw-mode.ts";
import { windowSize } from "./tty-mode.ts";

export interface AttachMode {
  readonly readOnly: boolean;
  /** Whether stdin and stdout are a terminal. */
  readonly isTerminal: boolean;
}

const LETS_GO = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const CTRL_C = 0x03;

/**
 * What programs may have turned on at our terminal: the alternate screen, a hidden cursor, the mouse, paste marks, keys for
 * applications, margins, colours (xterm's ctlseqs). Setting the margins would move the cursor.
 */
const LEAVE =
  "\u001b[?1049l\u001b[?25h\u001b[?1000l\u001b[?1002l\u001b[?1003l\u001b[?1005l\u001b[?1006l\u001b[?1015l\u001b[?1016l" +
  "\u001b[?1004l\u001b[?2004l\u001b[?1l\u001b>\u001b7\u001b[r\u001b8\u001b[0m";

/**
 * Joins our streams with a session until it ends, and returns its exit status; undefined after detaching.
 *
 * @throws BangerError when the connection breaks, or another takes the session over.
 */
export async function attachSession(session: ExecSession, io: Io, mode: AttachMode): Promise<number | undefined> {
  if (!mode.isTerminal) return join(session, io, mode);
  return withRawMode(io, async () => {
    try {
      return await join(session, io, mode);
    } finally {
      io.stdout.write(LEAVE);
    }
  });
}

async function join(session: ExecSession, io: Io, { readOnly, isTerminal }: AttachMode): Promise<number | undefined> {
  let hasLeft = false;
  const leave = (): void => {
    hasLeft = true;
    session.close();
  };
  const keys = new DetachKeys(leave);
  session.stdin.on("error", () => {});
  keys.pipe(session.stdin, { end: false });
  const resize = (): void => {
    const { rows, cols } = windowSize(io);
    session.resize(rows, cols);
  };
  // Nobody reads what is typed there: Ctrl-C is for us.
  const watch = (typed: Buffer): void => {
    if (typed.includes(CTRL_C)) leave();
  };
  if (readOnly) {
    keys.unpipe(session.stdin).resume();
    if (isTerminal) io.stdin.on("data", watch);
  } else if (isTerminal) io.stdout.on("resize", resize);
  // What is piped in has an end, which is none of the session's.
  if (!readOnly || isTerminal) io.stdin.pipe(keys, { end: false });
  for (const name of LETS_GO) process.on(name, leave);
  try {
    await Promise.all([copyOut(session.stdout, io.stdout), copyOut(session.stderr, io.stderr), session.exit]);
    const { code, signal } = await session.exit;
    return exitStatus(code, signal);
  } catch (error) {
    session.close();
    if (hasLeft || hasErrno(error, "EPIPE")) return undefined;
    throw error;
  } finally {
    for (const name of LETS_GO) process.off(name, leave);
    io.stdout.off("resize", resize);
    io.stdin.off("data", watch);
    io.stdin.unpipe(keys);
    io.stdin.pause();
    keys.destroy();
  }
}
