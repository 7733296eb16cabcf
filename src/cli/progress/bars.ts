import type { ProgressEvent } from "../../lib/progress.ts";
import type { Io } from "../io.ts";
import { endLine, liveLine, outputText } from "./progress-line.ts";
import type { ProgressView } from "./progress-view.ts";

const REDRAW_MS = 100;
const CLEAR_LINE = "\u001B[2K";
const CLEAR_BELOW = "\u001B[0J";
const HIDE_CURSOR = "\u001B[?25l";
const SHOW_CURSOR = "\u001B[?25h";

/** A line an id, drawn over and over at the end of a terminal; what has ended is left standing above. */
export function bars(stream: Io["stderr"]): ProgressView {
  const running = new Map<string, ProgressEvent>();
  let ended: string[] = [];
  let printed = "";
  let drawn = 0;
  let turn = 0;
  let timer: NodeJS.Timeout | undefined;

  const draw = (): void => {
    const columns = stream.columns ?? 80;
    const shown = fit([...running.values()], (stream.rows ?? 24) - 1, turn, columns);
    const up = drawn === 0 ? "" : `\u001B[${drawn}A`;
    const lines = [...ended.map((line) => line.slice(0, columns - 1)), ...shown];
    // What was printed may need more than a row; nothing of the old bars shall stand behind it.
    stream.write(
      `${up}\r${printed === "" ? "" : `${CLEAR_BELOW}${printed}`}${lines.map((line) => `${CLEAR_LINE}${line}\n`).join("")}${CLEAR_BELOW}`,
    );
    ended = [];
    printed = "";
    drawn = shown.length;
    turn += 1;
  };
  const restore = (): void => void stream.write(SHOW_CURSOR);

  return {
    sink(event) {
      if (event.output !== undefined) printed += outputText(event.output);
      else if (event.status === "running") running.set(event.id, event);
      else {
        running.delete(event.id);
        ended.push(endLine(event));
      }
      if (timer !== undefined) return;
      stream.write(HIDE_CURSOR);
      process.once("exit", restore);
      draw();
      timer = setInterval(draw, REDRAW_MS);
    },
    finish() {
      if (timer === undefined) return;
      clearInterval(timer);
      timer = undefined;
      running.clear();
      draw();
      restore();
      process.off("exit", restore);
    },
  };
}

/** At most as many lines as the terminal has; the last one counts the rest. */
function fit(events: readonly ProgressEvent[], rows: number, turn: number, columns: number): readonly string[] {
  if (events.length <= rows) return events.map((event) => liveLine(event, turn, columns));
  const shown = events.slice(0, Math.max(rows - 1, 0)).map((event) => liveLine(event, turn, columns));
  return [...shown, `  and ${events.length - shown.length} more`];
}
