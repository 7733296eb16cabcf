import { constants } from "node:os";
import { SESSION_NAME, type GuestSession } from "../model/session.ts";
import { agentProtocol, guestText } from "./agent-errors.ts";
import { SessionState, type Session, type SessionOutput } from "./gen/banger/agent/v1/sessions_pb.ts";

const STATES: Partial<Record<SessionState, GuestSession["state"]>> = {
  [SessionState.RUNNING]: "running",
  [SessionState.EXITED]: "exited",
  [SessionState.FAILED]: "failed",
  [SessionState.KILLED]: "killed",
  [SessionState.REBOOTED]: "rebooted",
  [SessionState.LOST]: "lost",
};

/** What a command's words may come to: the agent keeps 4 KiB of them. */
const MAX_WORDS = 5_000;
const MAX_WORD = 5_000;
/** The last instant that RFC 3339 can write. */
const LAST_MS = Date.UTC(10_000, 0) - 1;
const MAX_SIZE = 65_535;

/** What a guest says of a session: it may say anything. */
export function guestSession(said: Session | undefined): GuestSession {
  const state = said === undefined ? undefined : STATES[said.state];
  if (said === undefined || state === undefined) throw agentProtocol("it told of a session in no known state");
  if (!SESSION_NAME.test(said.name)) throw agentProtocol("it told of a session without a proper name");
  const { pid, exitCode, terminal } = said;
  const signal = signalName(said.signal);
  return {
    name: said.name,
    command: said.argv.slice(0, MAX_WORDS).map((word) => guestText(word, MAX_WORD)),
    cwd: guestText(said.cwd, MAX_WORD),
    user: guestText(said.user),
    ...(terminal !== undefined && { terminal: sizeOf(terminal) }),
    stdin: said.hasStdin,
    state,
    ...(pid > 0 && state === "running" && { pid }),
    ...(exitCode !== undefined && { exitCode: exitCode >= 0 && exitCode <= 255 ? exitCode : 255 }),
    ...(signal !== undefined && { signal }),
    createdAt: instant(said.createdNs),
    since: instant(said.sinceNs),
    hasWriter: said.hasWriter,
    logBytes: Number(said.logBytes < BigInt(Number.MAX_SAFE_INTEGER) ? said.logBytes : 0n),
    logCut: said.logCut,
  };
}

function signalName(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, known]) => known === number)?.[0];
}

function instant(ns: bigint): string {
  return new Date(Math.min(Math.max(Number(ns / 1_000_000n), 0), LAST_MS)).toISOString();
}

function sizeOf({ rows, cols }: { readonly rows: number; readonly cols: number }): {
  readonly rows: number;
  readonly cols: number;
} {
  return { rows: Math.min(rows, MAX_SIZE), cols: Math.min(cols, MAX_SIZE) };
}

/** One piece of what a session has printed, or its terminal's new size. */
export type SessionPiece = { readonly timeNs: bigint } & (
  | { readonly kind: "stdout" | "stderr"; readonly bytes: Uint8Array }
  | { readonly kind: "size"; readonly rows: number; readonly cols: number }
);

/** A piece as the guest tells it. */
export function sessionPiece(said: SessionOutput | undefined): SessionPiece {
  const what = said?.what;
  if (said === undefined || what?.case === undefined) throw agentProtocol("it told of output of no known kind");
  const { timeNs } = said;
  if (what.case === "size") return { timeNs, kind: "size", ...sizeOf(what.value) };
  return { timeNs, kind: what.case, bytes: what.value };
}
