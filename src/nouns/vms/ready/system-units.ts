import type { AgentClient } from "../../../guest/agent-client.ts";
import { guestText } from "../../../guest/agent-errors.ts";
import { withDeadline } from "../../../lib/deadline.ts";
import { runCheck } from "./run-check.ts";

const MAX_UNITS = 20;
/** Of jobs as many as tell where it stands; of a name as much as one has (systemd.unit(5)). */
const MAX_JOBS = 8;
const MAX_NAME = 255;
/** Several hundred jobs: more than a system has that boots. */
const MAX_LIST_BYTES = 64 * 1024;
/** How long a system that has run out of time may take to say what it still does. */
const LOOK_MS = 10_000;

const PLAIN = ["--plain", "--no-legend", "--no-pager"];

/** A job of systemd's queue, as `systemctl list-jobs` has it. */
export interface Job {
  readonly unit: string;
  /** What is done to the unit: `start`, `stop`. */
  readonly type: string;
  readonly state: "running" | "waiting";
}

/** Names of the units that have failed; a guest's words, and at most {@link MAX_UNITS}. */
export async function failedUnits(agent: AgentClient, signal: AbortSignal): Promise<string[]> {
  const { output } = await runCheck(agent, ["systemctl", "list-units", "--state=failed", ...PLAIN], signal);
  const names = output.split("\n").map((line) => line.trim().split(/\s/)[0] ?? "");
  return names.filter((name) => name !== "").slice(0, MAX_UNITS);
}

/** Reads what `systemctl list-jobs` prints. What is running comes first: that is what the rest waits for. Lines of another form are none. */
export function jobsIn(output: string): readonly Job[] {
  const jobs = output.split("\n").flatMap((line): Job[] => {
    const [, unit, type, state] = /^\s*\d+\s+(\S+)\s+(\S+)\s+(running|waiting)\s*$/.exec(line) ?? [];
    if (unit === undefined || type === undefined) return [];
    return [{ unit, type, state: state === "running" ? "running" : "waiting" }];
  });
  return [...jobs.filter(({ state }) => state === "running"), ...jobs.filter(({ state }) => state === "waiting")];
}

/**
 * What a system that has run out of time still does, in words: systemd's own, its jobs, and what has failed. It is asked
 * for ten seconds at most, and what it does not answer in that time is left out.
 *
 * @param said systemd's last word; absent: it has said nothing.
 * @throws the signal's reason.
 */
export async function unfinishedWork(
  agent: AgentClient,
  said: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const ask = async <T>(look: (within: AbortSignal) => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await withDeadline(signal, LOOK_MS, "systemd", look);
    } catch {
      signal.throwIfAborted();
      return otherwise;
    }
  };
  const state = async (within: AbortSignal): Promise<string> =>
    (await runCheck(agent, ["systemctl", "is-system-running"], within)).output.split("\n").at(-1) ?? "";
  const jobs = async (within: AbortSignal): Promise<readonly Job[]> =>
    jobsIn((await runCheck(agent, ["systemctl", "list-jobs", ...PLAIN], within, undefined, MAX_LIST_BYTES)).output);
  const [now, queued, failed] = await Promise.all([
    ask(state, ""),
    ask(jobs, []),
    ask((within) => failedUnits(agent, within), []),
  ]);
  return unfinishedWords(now === "" ? said : now, queued, failed);
}

/** The same, of what was found. Pure. */
export function unfinishedWords(said: string | undefined, jobs: readonly Job[], failed: readonly string[]): string {
  const word = said === undefined ? "systemd has not answered" : `systemd says "${guestText(said)}"`;
  const shown = jobs
    .slice(0, MAX_JOBS)
    .map(({ unit, type, state }) => `${guestText(unit, MAX_NAME)} (${guestText(type, MAX_NAME)}, ${state})`);
  const more = jobs.length > MAX_JOBS ? ` and ${jobs.length - MAX_JOBS} more` : "";
  return [
    word,
    ...(shown.length === 0 ? [] : [`its jobs: ${shown.join(", ")}${more}`]),
    ...(failed.length === 0 ? [] : [`failed: ${failed.map((unit) => guestText(unit, MAX_NAME)).join(" ")}`]),
  ].join("; ");
}
