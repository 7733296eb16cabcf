import type { ExecSession } from "../../client/exec-session.ts";
import { hasErrno } from "../../lib/errors.ts";
import type { Io } from "../io.ts";
import { copyOut } from "./copy-out.ts";
import { exitStatus, signalNumber } from "./exit-status.ts";
import { withRawMode } from "./raw-mode.ts";
import { type TtyMode, windowSize } from "./tty-mode.ts";

/** SIGUSR1 is Node's own, for its debugger. */
const PASSED_ON = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"] as const;
/** What ends us, and with us a command that has a terminal: its keys go to the guest as bytes. */
const HANG_UPS = ["SIGTERM", "SIGHUP"] as const;

/** A second SIGINT this soon after the first is meant for us; a later one interrupts the command's next piece of work. */
const SECOND_INTERRUPT_MS = 2_000;

const SIGPIPE_STATUS = 141;
const CTRL_C = 0x03;

/**
 * Joins our streams with a command in a VM until it ends, and returns its exit status.
 *
 * @throws BangerError when the connection breaks or the command cannot be run.
 */
export async function attach(session: ExecSession, io: Io, mode: TtyMode): Promise<number> {
  if (mode.size === undefined) return join(session, io, mode, passSignalsOn(session));
  const release = followTerminal(session, io, mode.size);
  return withRawMode(io, () => join(session, io, mode, release));
}

/** Joins the streams; `release` undoes what was set up for it. */
async function join(session: ExecSession, io: Io, mode: TtyMode, release: Release): Promise<number> {
  // The command may end before it has read all; what is left has no taker then.
  session.stdin.on("error", () => {});
  if (mode.sendsStdin) io.stdin.pipe(session.stdin);
  else session.stdin.end();
  try {
    await Promise.all([copyOut(session.stdout, io.stdout), copyOut(session.stderr, io.stderr), session.exit]);
    const exit = await session.exit;
    return exitStatus(exit.code, exit.signal);
  } catch (error) {
    session.close();
    const hungUp = release.signal();
    if (hungUp !== undefined) return 128 + signalNumber(hungUp);
    // Whoever read our output has gone: as a command of this host, this one ends without a word.
    if (hasErrno(error, "EPIPE")) return SIGPIPE_STATUS;
    throw error;
  } finally {
    release.undo();
    io.stdin.unpipe(session.stdin);
    io.stdin.pause();
  }
}

interface Release {
  undo(): void;
  /** The signal that ended the session from our side. */
  signal(): NodeJS.Signals | undefined;
}

function passSignalsOn(session: ExecSession): Release {
  let received: NodeJS.Signals | undefined;
  let interruptedAt = Number.NEGATIVE_INFINITY;
  const passOn = (name: NodeJS.Signals): void => {
    const now = performance.now();
    const isSecond = name === "SIGINT" && now - interruptedAt < SECOND_INTERRUPT_MS;
    if (name === "SIGINT") interruptedAt = now;
    // Nothing takes it yet, or what takes it does not end: then we do.
    if (session.started && !isSecond) return session.signal(name);
    received = name;
    session.close();
  };
  for (const name of PASSED_ON) process.on(name, passOn);
  return {
    undo() {
      for (const name of PASSED_ON) process.off(name, passOn);
    },
    signal: () => received,
  };
}

/** @param told the size that the command began with, read when there was no session yet. */
function followTerminal(session: ExecSession, io: Io, told: { readonly rows: number; readonly cols: number }): Release {
  let received: NodeJS.Signals | undefined;
  const resize = (): void => {
    const { rows, cols } = windowSize(io);
    session.resize(rows, cols);
  };
  const hangUp = (name: NodeJS.Signals): void => {
    received = name;
    session.close();
  };
  // Ctrl-C is a key for the guest, once it has somebody who reads it.
  const typed = (keys: Buffer): void => {
    if (!session.started && keys.includes(CTRL_C)) hangUp("SIGINT");
  };
  io.stdin.on("data", typed);
  io.stdout.on("resize", resize);
  for (const name of HANG_UPS) process.on(name, hangUp);
  // `banger run` may have made an image and a VM meanwhile: minutes in which a window changes.
  const now = windowSize(io);
  if (now.rows !== told.rows || now.cols !== told.cols) resize();
  return {
    undo() {
      io.stdin.off("data", typed);
      io.stdout.off("resize", resize);
      for (const name of HANG_UPS) process.off(name, hangUp);
    },
    signal: () => received,
  };
}
