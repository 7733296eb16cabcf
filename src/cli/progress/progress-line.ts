import { formatBytes } from "../../lib/bytes.ts";
import type { ProgressEvent } from "../../lib/progress.ts";
import { plainText } from "../output/plain-text.ts";

const BAR_WIDTH = 24;
const SPINNER = ["|", "/", "-", "\\"] as const;

/** One id's line on a terminal: `layer ab12cd  [=========>      ]  45 MiB of 63 MiB`. Cut to the terminal's width. */
export function liveLine(event: ProgressEvent, turn: number, columns: number): string {
  const spinner = SPINNER[turn % SPINNER.length] ?? "";
  const bar = fraction(event) === undefined ? "" : `  ${drawBar(fraction(event) ?? 0)}`;
  const far = howFar(event);
  const tail = `${bar}${far === "" ? "" : `  ${far}`}`;
  const label = plainText(event.label);
  const room = Math.max(columns - 3 - tail.length, 8);
  const shown = label.length > room ? `${label.slice(0, room - 1)}…` : label;
  return `${spinner} ${shown}${tail}`.slice(0, columns - 1);
}

/** What is left of an id when it has ended: `done  layer ab12cd: 63 MiB in 1.2 s`. */
export function endLine(event: ProgressEvent): string {
  const word = event.status === "failed" ? "failed" : "done";
  const note = event.note === undefined ? "" : `: ${plainText(event.note)}`;
  return `${word}  ${plainText(event.label)}${note}`;
}

/** One id's line in a log, while it runs. */
export function logLine(event: ProgressEvent): string {
  // That nothing is done yet says nothing.
  const far = event.done === 0 ? "" : howFar(event);
  const part = event.done === 0 ? undefined : fraction(event);
  const percent = part === undefined ? "" : ` (${Math.floor(part * 100)}%)`;
  return `${plainText(event.label)}${far === "" ? " …" : `: ${far}${percent}`}`;
}

/** What a program printed, safe for a terminal, ended by a line's end. */
export function outputText(output: string): string {
  const text = plainText(output.replaceAll("\r\n", "\n"));
  return text.endsWith("\n") ? text : `${text}\n`;
}

function howFar({ done, total, unit, note }: ProgressEvent): string {
  if (done === undefined) return note === undefined ? "" : plainText(note);
  const show = (n: number): string => (unit === "bytes" ? formatBytes(n) : String(n));
  return total === undefined ? show(done) : `${show(done)} of ${show(total)}`;
}

function fraction({ done, total }: ProgressEvent): number | undefined {
  if (done === undefined || total === undefined || total <= 0) return undefined;
  return Math.min(1, Math.max(0, done / total));
}

function drawBar(part: number): string {
  const full = Math.floor(part * BAR_WIDTH);
  const tip = full < BAR_WIDTH ? ">" : "";
  return `[${"=".repeat(full)}${tip}${" ".repeat(BAR_WIDTH - full - tip.length)}]`;
}
