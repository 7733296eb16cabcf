import assert from "node:assert/strict";
import { test } from "node:test";
import { type ClockMemory, planClock } from "./clock-plan.ts";

/** A guest whose clock gains or loses by itself, and obeys as the agent does. */
function guest({ drift: first, offsetMs = 0 }: { drift: number; offsetMs?: number }) {
  let drift = first;
  let behind = offsetMs;
  let rate = 0;
  let at = 0;
  let memory: ClockMemory | undefined;
  let steps = 0;
  let worst = 0;
  return {
    run(seconds: number, roundTripMs: (n: number) => number = () => 2): void {
      for (let n = 0, until = at + seconds * 1000; at < until; n += 1) {
        const roundTrip = roundTripMs(n);
        const offset = behind + (n % 2 === 0 ? 1 : -1) * (roundTrip / 2);
        const plan = planClock({ offsetMs: offset, roundTripMs: roundTrip, ratePpb: rate * 1e9, atMs: at }, memory);
        ({ memory } = plan);
        if (plan.stepMs !== 0) steps += 1;
        behind -= plan.stepMs;
        if (plan.ratePpb !== undefined) rate = plan.ratePpb / 1e9;
        behind += plan.nextMs * (drift - rate) - plan.slewMs;
        at += plan.nextMs;
        if (at > 60_000) worst = Math.max(worst, Math.abs(behind));
      }
    },
    drift(changed: number): void {
      drift = changed;
    },
    get behind() {
      return behind;
    },
    get worst() {
      return worst;
    },
    get steps() {
      return steps;
    },
  };
}

test("a clock that is right is left alone", () => {
  const plan = planClock({ offsetMs: 0.4, roundTripMs: 1, ratePpb: 0, atMs: 0 }, undefined);
  assert.deepEqual([plan.stepMs, plan.slewMs, plan.ratePpb], [0, 0, undefined]);
});

test("one that is far off is set at once, and one that is a little off is turned", () => {
  assert.equal(planClock({ offsetMs: 3_600_000, roundTripMs: 900, ratePpb: 0, atMs: 0 }, undefined).stepMs, 3_600_000);
  const near = planClock({ offsetMs: 80, roundTripMs: 2, ratePpb: 0, atMs: 0 }, undefined);
  assert.deepEqual([near.stepMs, near.slewMs, near.slewOverMs], [0, 80, 2_000]);
  assert.equal(planClock({ offsetMs: -80, roundTripMs: 2, ratePpb: 0, atMs: 0 }, undefined).slewMs, -80);
});

test("what may be the fault of a slow answer moves no clock", () => {
  const slow = planClock(
    { offsetMs: 510, roundTripMs: 1_000, ratePpb: 0, atMs: 0 },
    { atMs: -10, leftMs: 0, calmMs: 10_000 },
  );
  assert.deepEqual([slow.stepMs, slow.slewMs, slow.ratePpb], [0, 0, undefined]);
});

test("of a slow answer only what is wrong for certain is mended", () => {
  const slow = planClock(
    { offsetMs: 240, roundTripMs: 300, ratePpb: 0, atMs: 0 },
    { atMs: -2_000, leftMs: 0, calmMs: 2_000 },
  );
  assert.deepEqual([slow.stepMs, slow.slewMs, slow.ratePpb, slow.memory], [0, 90, undefined, undefined]);
});

for (const drift of [0, 50e-6, -500e-6, 0.01, -0.02, 0.04])
  test(`a clock that loses ${drift} of its time is kept within 100 ms, without steps`, () => {
    const vm = guest({ drift });
    vm.run(600);
    assert.ok(vm.worst < 100, `off by ${vm.worst} ms`);
    assert.ok(vm.steps <= 1, `${vm.steps} steps`);
    assert.ok(Math.abs(vm.behind) < 30, `${vm.behind} ms at the end`);
  });

test("one that keeps the pace that was foreseen is left alone for longer, up to a minute", () => {
  const after = (calmMs: number, { offsetMs = 0.5, ratePpb = 20_000, roundTripMs = 1 } = {}): number =>
    planClock({ offsetMs, roundTripMs, ratePpb, atMs: calmMs }, { atMs: 0, leftMs: 0, calmMs }).nextMs;
  assert.deepEqual([after(10_000), after(20_000), after(40_000), after(60_000)], [20_000, 40_000, 60_000, 60_000]);
  assert.equal(after(60_000, { offsetMs: 4 }), 10_000, "it went at another pace");
  assert.equal(after(60_000, { offsetMs: 40 }), 2_000, "it is off by too much");
  assert.equal(after(60_000, { ratePpb: -5_000_000 }), 10_000, "it loses ticks");
  assert.equal(after(60_000, { roundTripMs: 300 }), 2_000, "its answer was late");
  assert.equal(after(2_000), 10_000, "it has just been looked after");
});

test("what is turned is turned within ten seconds, however long the clock is left alone", () => {
  const plan = planClock(
    { offsetMs: 1.5, roundTripMs: 1, ratePpb: 0, atMs: 60_000 },
    { atMs: 0, leftMs: 0, calmMs: 60_000 },
  );
  assert.deepEqual([plan.nextMs, plan.slewMs, plan.slewOverMs], [60_000, 1.5, 10_000]);
});

test("a clock whose pace changes while it is left alone is still kept within 100 ms", () => {
  for (const by of [1_000e-6, -1_500e-6]) {
    const vm = guest({ drift: 30e-6 });
    vm.run(600);
    vm.drift(by);
    vm.run(600);
    assert.ok(vm.worst < 100, `off by ${vm.worst} ms`);
  }
});

test("answers that come late now and then do not make it swing", () => {
  const vm = guest({ drift: 100e-6, offsetMs: 30 });
  vm.run(900, (n) => (n % 3 === 0 ? 1_500 : n % 3 === 1 ? 60 : 4));
  assert.ok(vm.worst < 100, `off by ${vm.worst} ms`);
  assert.equal(vm.steps, 0);
});

test("a host that slept is followed by one step", () => {
  const vm = guest({ drift: 0, offsetMs: 8 * 3_600_000 });
  vm.run(60);
  assert.equal(vm.steps, 1);
  assert.ok(Math.abs(vm.behind) < 5);
});
