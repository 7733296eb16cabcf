import { BangerError, asBangerError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import { throttleProgress, type ProgressEvent, type ProgressSink } from "../lib/progress.ts";
import type { OperationView } from "../model/operation.ts";
import { onBehalfOf } from "./cause.ts";
import type { OperationRequest } from "./handlers.ts";

/** How many that have ended are still told of. */
const ENDED_KEPT = 100;
/** How many parts of one operation are remembered for who comes to follow it. */
const PARTS_KEPT = 64;

/** What is to be known of an operation before it begins. */
export interface OperationFacts {
  /** The route that begins it. */
  readonly name: string;
  readonly caller: string;
  /** The object that it is about, as it was named. */
  readonly subject?: string | undefined;
  /** It goes on when its client goes away. */
  readonly detached: boolean;
}

/** An operation that is under way, or has ended. */
export interface Operation {
  readonly id: string;
  /** How it ends. Never rejects before somebody looks. */
  readonly result: Promise<unknown>;
  view(): OperationView;
  /** Has a sink told of its progress from now on, after what was told last of each part. */
  follow(sink: ProgressSink): Disposable;
  cancel(): void;
}

/** All operations of a daemon: whoever is allowed to may see how they do, follow and cancel them. */
export interface Operations {
  begin(facts: OperationFacts, work: (request: OperationRequest) => Promise<unknown>): Operation;
  /** Those under way, oldest first, and then those that ended last. */
  list(): readonly OperationView[];
  /** @throws BangerError `OPERATION_NOT_FOUND`. */
  get(id: string): Operation;
}

export function createOperations(): Operations {
  const running = new Map<string, Operation>();
  const ended: Operation[] = [];
  return {
    begin(facts, work) {
      const operation = beginOperation(facts, work);
      running.set(operation.id, operation);
      const note = (): void => {
        running.delete(operation.id);
        ended.unshift(operation);
        ended.length = Math.min(ended.length, ENDED_KEPT);
      };
      operation.result.then(note, note);
      return operation;
    },
    list: () => [...running.values(), ...ended].map((operation) => operation.view()),
    get(id) {
      const operation = running.get(id) ?? ended.find((one) => one.id === id);
      if (operation !== undefined) return operation;
      throw new BangerError("OPERATION_NOT_FOUND", {
        what: `there is no operation ${JSON.stringify(id)}`,
        why: `those under way are known, and the last ${ENDED_KEPT} that have ended since the daemon started`,
        fix: "run `banger operation list` to see them",
      });
    },
  };
}

function beginOperation(
  { name, caller, subject, detached }: OperationFacts,
  work: (request: OperationRequest) => Promise<unknown>,
): Operation {
  const id = newId("op");
  const startedAt = new Date().toISOString();
  const controller = new AbortController();
  const parts = new Map<string, ProgressEvent>();
  const sinks = new Set<ProgressSink>();
  let end: Pick<OperationView, "endedAt" | "error"> | undefined;
  const progress = throttleProgress((event) => {
    remember(parts, event);
    for (const sink of sinks) sink(event);
  });
  // Nothing of it happens before whoever began it can follow.
  const result = Promise.resolve().then(() =>
    onBehalfOf({ operation: id, caller }, () => work({ signal: controller.signal, progress, caller })),
  );
  result.then(
    () => (end = { endedAt: new Date().toISOString() }),
    (error: unknown) => (end = { endedAt: new Date().toISOString(), error: asBangerError(error).code }),
  );
  const stateNow = (): OperationView["state"] => {
    if (end !== undefined) return end.error === undefined ? "done" : "failed";
    return controller.signal.aborted ? "cancelling" : "running";
  };
  return {
    id,
    result,
    view: () => ({
      id,
      name,
      ...(subject !== undefined && { subject }),
      caller,
      startedAt,
      state: stateNow(),
      detached,
      progress: [...parts.values()],
      ...end,
    }),
    follow(sink) {
      for (const part of parts.values()) sink(part);
      sinks.add(sink);
      return { [Symbol.dispose]: () => void sinks.delete(sink) };
    },
    cancel: () => controller.abort(),
  };
}

/** Keeps the last word on each part; what programs print is no such word. */
function remember(parts: Map<string, ProgressEvent>, event: ProgressEvent): void {
  const { output, ...word } = event;
  if (output !== undefined) return;
  parts.delete(event.id);
  parts.set(event.id, word);
  const [oldest] = parts.keys();
  if (parts.size > PARTS_KEPT && oldest !== undefined) parts.delete(oldest);
}
