import { plainText } from "./plain-text.ts";

/** pino's levels (https://getpino.io). */
const LEVELS = new Map([
  [10, "trace"],
  [20, "debug"],
  [30, "info"],
  [40, "warn"],
  [50, "error"],
  [60, "fatal"],
]);

/** The daemon's log for people: `2026-01-02T03:04:05Z info  ready pid=7`. Lines that are not JSON stay as they are. */
export function logText(text: string): string {
  return text.replace(/[^\n]+/g, (line) => plainText(logLine(line)));
}

function logLine(line: string): string {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  if (typeof entry !== "object" || entry === null || !("level" in entry) || !("time" in entry)) return line;
  const { level, time, msg = "", ...rest } = entry as Readonly<Record<string, unknown>>;
  const when = new Date(Number(time));
  if (Number.isNaN(when.getTime())) return line;
  const word = LEVELS.get(Number(level)) ?? String(Number(level));
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [when.toISOString(), word.padEnd(5), typeof msg === "string" ? msg : JSON.stringify(msg), ...fields].join(" ");
}
