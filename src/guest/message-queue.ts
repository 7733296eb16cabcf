/** Messages that one side puts in as they come and a call takes out in order. */
export interface MessageQueue<T> extends AsyncIterable<T> {
  push(message: T): void;
  end(): void;
}

export function messageQueue<T>(): MessageQueue<T> {
  const waiting: T[] = [];
  let wake = Promise.withResolvers<void>();
  let ended = false;
  return {
    push(message) {
      waiting.push(message);
      wake.resolve();
    },
    end() {
      ended = true;
      wake.resolve();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const next = waiting.shift();
        if (next !== undefined) yield next;
        else if (ended) return;
        else {
          wake = Promise.withResolvers<void>();
          await wake.promise;
        }
      }
    },
  };
}
