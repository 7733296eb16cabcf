import type { ProgressEvent } from "../../lib/progress.ts";
import type { Io } from "../io.ts";
import { endLine, logLine, outputText } from "./progress-line.ts";
import type { ProgressView } from "./progress-view.ts";

/** Between two lines on one id that runs on. */
const QUIET_MS = 5_000;

/** For logs and pipes: a line when an id begins, one when it ends, and between them one every few seconds. */
export function lines(stream: Io["stderr"], now: () => number = () => performance.now()): ProgressView {
  const saidAt = new Map<string, number>();
  const say = (event: ProgressEvent, line: string): void => {
    saidAt.set(event.id, now());
    stream.write(`${line}\n`);
  };
  return {
    sink(event) {
      if (event.output !== undefined) return void stream.write(outputText(event.output));
      const before = saidAt.get(event.id);
      if (event.status !== "running") say(event, endLine(event));
      else if (before === undefined || now() - before >= QUIET_MS) say(event, logLine(event));
    },
    finish: () => {},
  };
}
