import type { GuestSession } from "../../model/session.ts";

/** How a session does, in words: `running, with a writer`, `failed (3)`, `failed (SIGTERM)`. */
export function sessionState({ state, exitCode, signal, hasWriter }: GuestSession): string {
  if (state === "running") return hasWriter ? "running, with a writer" : state;
  if (signal !== undefined) return `${state} (${signal})`;
  return exitCode === undefined || state === "exited" ? state : `${state} (${exitCode})`;
}
