import { setTimeout as after } from "node:timers/promises";
import { untilAborted } from "./deadline.ts";

type Task<T> = (signal: AbortSignal) => Promise<T>;

/** How a task goes before all others of its key. */
export interface RunFirstOptions {
  readonly signal: AbortSignal;
  /** What those others are cancelled with. */
  readonly reason: Error;
  /** How long one that runs may take to put back what it did. */
  readonly patienceMs: number;
}

/** Runs tasks of one key one after another, and tasks of different keys side by side. */
export interface KeyedQueue {
  /**
   * Waits for the key's earlier tasks, then runs `task`. An abort while it waits rejects at once. The task's own signal
   * aborts with the caller's, and when another goes first.
   */
  run<T>(key: string, signal: AbortSignal, task: Task<T>): Promise<T>;
  /** Cancels the key's tasks, those that wait and the one that runs, then runs `task` before any that comes later. */
  runFirst<T>(key: string, options: RunFirstOptions, task: Task<T>): Promise<T>;
}

/** One key's tasks. */
interface Line {
  /** Settles when the last of them has ended. */
  tail: Promise<unknown>;
  readonly controllers: Set<AbortController>;
}

export function keyedQueue(): KeyedQueue {
  const lines = new Map<string, Line>();

  /** Runs a task behind `before`; whoever comes next waits for both. */
  const enter = async <T>(
    key: string,
    signal: AbortSignal,
    before: (line: Line) => Promise<unknown>,
    task: Task<T>,
  ): Promise<T> => {
    const line = lines.get(key) ?? { tail: Promise.resolve(), controllers: new Set() };
    lines.set(key, line);
    const turn = before(line);
    const own = new AbortController();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    // One that gives up while it waits leaves those behind it waiting for those before it.
    const tail = turn.then(() => ended);
    line.tail = tail;
    void tail.finally(() => {
      if (line.tail === tail && lines.get(key) === line) lines.delete(key);
    });
    line.controllers.add(own);
    const either = AbortSignal.any([signal, own.signal]);
    try {
      await untilAborted(turn, either);
      either.throwIfAborted();
      return await task(either);
    } finally {
      line.controllers.delete(own);
      end();
    }
  };

  return {
    run: (key, signal, task) => enter(key, signal, ({ tail }) => tail, task),
    runFirst: (key, { signal, reason, patienceMs }, task) =>
      enter(
        key,
        signal,
        ({ tail, controllers }) => {
          for (const controller of controllers) controller.abort(reason);
          return atMost(tail, patienceMs);
        },
        task,
      ),
  };
}

/** Resolves with `promise`, or when the time is up. */
async function atMost(promise: Promise<unknown>, ms: number): Promise<void> {
  const patience = new AbortController();
  await Promise.race([promise, after(ms, undefined, { signal: patience.signal }).catch(() => {})]);
  patience.abort();
}
