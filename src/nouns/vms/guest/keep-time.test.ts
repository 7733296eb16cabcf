import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { mock, test, type TestContext } from "node:test";
import type { AgentClient, ClockAdjustment } from "../../../guest/agent-client.ts";
import { type HostClock, keepTime, watchHostClock } from "./keep-time.ts";

const SECOND = 1_000;

/** A guest with a clock of its own, whose agent obeys, on a host whose time only this test moves. */
function scene(t: TestContext, { abilities = ["clock"], keptByGuest = false, offMs = 0, pace = 1 } = {}) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: Date.parse("2026-01-02T03:04:05Z") });
  let up = 0;
  mock.method(performance, "now", () => up);
  t.after(() => mock.restoreAll());
  let clock = Date.now() + offMs;
  let rate = 0;
  let slew: { perMs: number; leftMs: number } | undefined;
  const asked: ClockAdjustment[] = [];
  const state = { still: false, closed: false };
  const agent = {
    get closed() {
      return state.closed;
    },
    info: async () => ({ abilities }),
    adjustClock: async (want: ClockAdjustment) => {
      asked.push(want);
      const answer = { wallClockMs: clock, ratePpb: rate * 1e9, keptByGuest };
      clock += want.stepMs;
      if (keptByGuest) return answer;
      if (want.ratePpb !== undefined) rate = want.ratePpb / 1e9;
      if (want.slewMs !== 0) slew = { perMs: want.slewMs / want.slewOverMs, leftMs: want.slewOverMs };
      return answer;
    },
  } as unknown as AgentClient;
  const life = new AbortController();
  const hostClock: HostClock = new EventEmitter();
  const log = { debug: () => {}, info: () => {} };
  const kept = keepTime({
    live: { agent: async () => agent, lifetime: life.signal },
    isStill: () => state.still,
    meet: async (met, signal) => (await met.info(signal)).abilities.includes("clock"),
    hostClock,
    log,
  });
  const settle = async (): Promise<void> => {
    for (let n = 0; n < 10; n += 1) await turn();
  };
  return {
    asked,
    hostClock,
    state,
    kept,
    settle,
    offBy: () => clock - Date.now(),
    setGuest: (ms: number) => (clock += ms),
    async run(seconds: number) {
      for (let n = 0; n < seconds * 2; n += 1) {
        await settle();
        const ms = SECOND / 2;
        up += ms;
        if (!state.still) {
          clock += ms * (pace + rate) + (slew?.perMs ?? 0) * Math.min(ms, slew?.leftMs ?? 0);
          if (slew !== undefined) slew.leftMs = Math.max(0, slew.leftMs - ms);
        }
        t.mock.timers.tick(ms);
      }
      await settle();
    },
    async end() {
      life.abort();
      await kept;
    },
  };
}

test("a guest whose clock was set wrong is set right, and one of another pace is kept near", async (t) => {
  const guest = scene(t, { offMs: -3_600 * SECOND, pace: 0.99 });
  await guest.run(60);
  assert.ok(Math.abs(guest.offBy()) < 30, `off by ${guest.offBy()} ms`);
  assert.equal(guest.asked.filter(({ stepMs }) => stepMs !== 0).length, 1);
  await guest.end();
});

test("a clock that is right is asked ever less, down to once a minute, and never turned", async (t) => {
  const guest = scene(t);
  await guest.run(600);
  assert.ok(guest.asked.length >= 10 && guest.asked.length <= 14, `${guest.asked.length} questions`);
  assert.ok(guest.asked.every(({ stepMs, slewMs, ratePpb }) => stepMs === 0 && slewMs === 0 && ratePpb === undefined));
  await guest.end();
});

test("one whose line is another's is looked at soon, however well its clock went", async (t) => {
  const guest = scene(t);
  await guest.run(252);
  const { length } = guest.asked;
  guest.state.closed = true;
  await guest.run(11);
  assert.equal(guest.asked.length, length + 1);
  await guest.end();
});

test("a host whose clock jumped tells its guests at once", async (t) => {
  const guest = scene(t);
  await guest.run(1);
  guest.setGuest(-8 * 3_600 * SECOND);
  guest.hostClock.emit("jump");
  await guest.settle();
  assert.ok(Math.abs(guest.offBy()) < 1, `off by ${guest.offBy()} ms`);
  await guest.end();
});

test("one that stands still is not asked, and is set as soon as it goes on", async (t) => {
  const guest = scene(t);
  await guest.run(1);
  guest.state.still = true;
  const { length } = guest.asked;
  await guest.run(60);
  assert.equal(guest.asked.length, length);
  guest.state.still = false;
  guest.hostClock.emit("jump");
  await guest.settle();
  assert.ok(Math.abs(guest.offBy()) < 1, `off by ${guest.offBy()} ms`);
  await guest.end();
});

test("one that keeps its own time is set when it is far off, and never turned", async (t) => {
  const guest = scene(t, { keptByGuest: true, offMs: -200 });
  await guest.run(30);
  assert.ok(guest.asked.every(({ slewMs, ratePpb }) => slewMs === 0 && ratePpb === undefined));
  guest.setGuest(-10 * SECOND);
  await guest.run(12);
  assert.ok(Math.abs(guest.offBy()) < 1, `off by ${guest.offBy()} ms`);
  await guest.end();
});

test("an agent that cannot turn clocks is not asked to", async (t) => {
  const guest = scene(t, { abilities: ["exec"], offMs: -3_600 * SECOND });
  await guest.run(30);
  assert.deepEqual(guest.asked, []);
  await guest.end();
});

test("a host's clock that is set is noticed within a second, one that runs on is not", (t) => {
  t.mock.timers.enable({ apis: ["setInterval", "Date"], now: 1_000_000 });
  let up = 0;
  mock.method(performance, "now", () => up);
  t.after(() => mock.restoreAll());
  const life = new AbortController();
  let jumps = 0;
  watchHostClock(life.signal).on("jump", () => (jumps += 1));
  for (let n = 0; n < 5; n += 1) {
    up += SECOND;
    t.mock.timers.tick(SECOND);
  }
  assert.equal(jumps, 0);
  up += SECOND;
  t.mock.timers.setTime(Date.now() + 3_600 * SECOND);
  t.mock.timers.tick(SECOND);
  assert.equal(jumps, 1);
  life.abort();
});
