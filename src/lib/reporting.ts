import { BangerError } from "./errors.ts";
import type { ProgressEvent, ProgressSink } from "./progress.ts";

/** Tells how far a step is. */
export type StepProgress = (done: number, total: number) => void;

/** Does one step of a long operation, told to `progress` from its start to its end, in bytes where it counts them. */
export async function reporting<T>(
  progress: ProgressSink,
  step: Pick<ProgressEvent, "id" | "label">,
  work: (onBytes: StepProgress) => Promise<T>,
): Promise<T> {
  progress({ ...step, status: "running" });
  try {
    const result = await work((done, total) => progress({ ...step, done, total, unit: "bytes", status: "running" }));
    progress({ ...step, status: "done" });
    return result;
  } catch (error) {
    const note = error instanceof BangerError ? error.why : undefined;
    progress({ ...step, status: "failed", ...(note !== undefined && { note }) });
    throw error;
  }
}
