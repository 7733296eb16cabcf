/** Runs tasks of one key one after another, and tasks of different keys side by side. */
export interface KeyedQueue {
  /** Waits for the key's earlier tasks, then runs `task`. An abort while waiting rejects with the signal's reason. */
  run<T>(key: string, signal: AbortSignal, task: () => Promise<T>): Promise<T>;
}

export function keyedQueue(): KeyedQueue {
  const tails = new Map<string, Promise<void>>();
  return {
    async run(key, signal, task) {
      const before = tails.get(key) ?? Promise.resolve();
      const { promise: own, resolve: finish } = Promise.withResolvers<void>();
      const tail = before.then(() => own);
      tails.set(key, tail);
      try {
        await before;
        signal.throwIfAborted();
        return await task();
      } finally {
        finish();
        if (tails.get(key) === tail) tails.delete(key);
      }
    },
  };
}
