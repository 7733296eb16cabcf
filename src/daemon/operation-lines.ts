import type { Operation } from "../core/operations.ts";
import { asBangerError, toErrorBody, type ErrorBody } from "../lib/errors.ts";
import type { ProgressEvent } from "../lib/progress.ts";

export type OperationLine =
  | { readonly progress: ProgressEvent }
  | { readonly result: unknown }
  | { readonly error: ErrorBody; readonly status: number; readonly cause: unknown };

/** Lines that may wait for a slow reader; past that, the oldest word on progress gives way. */
const MAX_WAITING = 256;
/** Output of programs is no word on progress: it waits longer, 4 KiB an event, 16 MiB in all. */
const MAX_OUTPUT_WAITING = 4096;

/** Tells of an operation: its progress as it comes, and at the end its result or error. */
export async function* operationLines(operation: Operation): AsyncGenerator<OperationLine> {
  const waiting: ProgressEvent[] = [];
  let wake = Promise.withResolvers<void>();
  let ended: OperationLine | undefined;
  using _following = operation.follow((event) => {
    waiting.push(event);
    const printed = waiting.filter(({ output }) => output !== undefined).length;
    if (printed > MAX_OUTPUT_WAITING) waiting.shift();
    else if (waiting.length - printed > MAX_WAITING) {
      const oldest = waiting.findIndex(({ output }) => output === undefined);
      waiting.splice(oldest, 1);
    }
    wake.resolve();
  });
  const ending = operation.result.then(
    (result) => (ended = { result: result ?? {} }),
    (error: unknown) => {
      const known = asBangerError(error);
      ended = { error: toErrorBody(known), status: known.status, cause: known.cause ?? known };
    },
  );
  void ending.then(() => wake.resolve());
  for (;;) {
    await wake.promise;
    wake = Promise.withResolvers<void>();
    for (const event of waiting.splice(0)) yield { progress: event };
    if (ended !== undefined) {
      yield ended;
      return;
    }
  }
}
