import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { sharedConnection } from "./shared-connection.ts";

const never = new AbortController().signal;

/** Connections that are made when the test says so; how many are being made, and which are open. */
function line({ isDeaf = false } = {}) {
  const attempts: (PromiseWithResolvers<Connection> & { readonly signal: AbortSignal })[] = [];
  let underWay = 0;
  let most = 0;
  const all: Connection[] = [];
  class Connection {
    closed = false;
    constructor() {
      all.push(this);
    }
    close(): void {
      this.closed = true;
    }
  }
  const shared = sharedConnection(async (signal: AbortSignal) => {
    underWay += 1;
    most = Math.max(most, underWay);
    const attempt = { ...Promise.withResolvers<Connection>(), signal };
    attempts.push(attempt);
    if (!isDeaf) signal.addEventListener("abort", () => attempt.reject(signal.reason as Error), { once: true });
    try {
      return await attempt.promise;
    } finally {
      underWay -= 1;
    }
  });
  return {
    shared,
    attempts,
    connect: () => attempts.at(-1)?.resolve(new Connection()),
    open: () => all.filter(({ closed }) => !closed).length,
    most: () => most,
  };
}

test("all who ask while it is made share one attempt and one connection", async () => {
  const { shared, attempts, connect, open } = line();
  const asked = [shared.get(never), shared.get(never), shared.get(never)];
  await turn();
  assert.equal(attempts.length, 1);
  connect();
  const [first, ...others] = await Promise.all(asked);
  for (const other of others) assert.equal(other, first);
  assert.equal(await shared.get(never), first);
  assert.equal(open(), 1);
});

test("a caller that gives up ends its own wait at once, and nobody else's", async () => {
  const { shared, attempts, connect, most, open } = line();
  const giveUp = new AbortController();
  const first = shared.get(giveUp.signal);
  const others = [1, 2, 3, 4].map(() => shared.get(never));
  await turn();
  giveUp.abort();
  await assert.rejects(first, { code: "CANCELLED" });
  assert.equal(attempts[0]?.signal.aborted, false);
  connect();
  assert.equal(new Set(await Promise.all(others)).size, 1);
  assert.deepEqual([most(), open()], [1, 1]);
});

test("the last one that gives up cancels the attempt, and the next begins anew", async () => {
  const { shared, attempts, connect, most } = line();
  const [one, two] = [new AbortController(), new AbortController()];
  const asked = [shared.get(one.signal), shared.get(two.signal)];
  await turn();
  one.abort();
  two.abort();
  for (const wait of asked) await assert.rejects(wait, { code: "CANCELLED" });
  assert.equal(attempts[0]?.signal.aborted, true);
  const again = shared.get(never);
  await turn();
  connect();
  assert.equal((await again).closed, false);
  assert.equal(most(), 1);
});

test("two that wait on an attempt that fails open one connection between them", async () => {
  const { shared, attempts, connect, most, open } = line();
  const failing = [shared.get(never), shared.get(never)];
  await turn();
  attempts[0]?.reject(new Error("refused"));
  for (const wait of failing) await assert.rejects(wait, { message: "refused" });
  const again = [shared.get(never), shared.get(never)];
  await turn();
  connect();
  await Promise.all(again);
  assert.deepEqual([attempts.length, most(), open()], [2, 1, 1]);
});

test("a connection that broke is made anew", async () => {
  const { shared, connect, open } = line();
  const first = shared.get(never);
  await turn();
  connect();
  (await first).close();
  assert.equal(shared.current(), undefined);
  const second = shared.get(never);
  await turn();
  connect();
  assert.notEqual(await second, await first);
  assert.equal(open(), 1);
});

test("an attempt that comes to its end after everybody left is closed, and takes no other's place", async () => {
  const { shared, attempts, connect, open, most } = line({ isDeaf: true });
  const giveUp = new AbortController();
  const left = shared.get(giveUp.signal);
  await turn();
  giveUp.abort();
  await assert.rejects(left);
  const next = shared.get(never);
  await turn();
  assert.equal(attempts.length, 1, "the line is still held");
  connect();
  await turn();
  await turn();
  connect();
  assert.equal((await next).closed, false);
  assert.deepEqual([open(), most()], [1, 1]);
});

test("closing it ends the connection, whoever waits, and all that comes later", async () => {
  const { shared, connect, open } = line();
  const got = shared.get(never);
  await turn();
  connect();
  await got;
  shared.close();
  assert.equal(open(), 0);
  await assert.rejects(shared.get(never));

  const other = line();
  const waiting = other.shared.get(never);
  await turn();
  other.shared.close();
  await assert.rejects(waiting);
});
