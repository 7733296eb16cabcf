/**
 * What a long operation tells while it runs. The CLI draws it as a bar or a line, `--json` prints it, a web page shows it.
 */
export interface ProgressEvent {
  /** Short and stable within an operation: `layer:sha256:ab12…`, `boot`. One bar an id. */
  readonly id: string;
  /** What is being done, for people: `pulling layer ab12cd34ef56`. */
  readonly label: string;
  /** How far; absent where it cannot be counted. */
  readonly done?: number;
  readonly total?: number;
  readonly unit?: "bytes" | "items";
  readonly status: "running" | "done" | "failed";
  /** A last word on it: `already here`, `63 MiB in 1.2 s`. */
  readonly note?: string;
  /** What a program printed meanwhile, in whole lines where it could be. Shown as it is; no two are made one. */
  readonly output?: string;
}

export type ProgressSink = (event: ProgressEvent) => void;

export const noProgress: ProgressSink = () => {};

/** What every long operation takes besides its own input. */
export interface OperationContext {
  readonly signal: AbortSignal;
  readonly progress: ProgressSink;
}

/**
 * Passes on at most one `running` event per id and interval; the first and the last of each id always
 * pass, and so does what a program printed.
 */
export function throttleProgress(sink: ProgressSink, intervalMs = 100): ProgressSink {
  const sentAt = new Map<string, number>();
  return (event) => {
    const now = performance.now();
    const last = sentAt.get(event.id);
    if (event.output === undefined && event.status === "running" && last !== undefined && now - last < intervalMs)
      return;
    sentAt.set(event.id, now);
    sink(event);
  };
}
