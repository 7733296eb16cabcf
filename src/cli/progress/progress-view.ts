import type { ProgressSink } from "../../lib/progress.ts";

/** Shows the progress of one operation. */
export interface ProgressView {
  readonly sink: ProgressSink;
  /** Leaves the terminal in order. Safe to repeat. */
  finish(): void;
}
