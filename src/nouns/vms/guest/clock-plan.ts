/** A guest's clock beside the host's, as one question and its answer show it. */
export interface ClockSample {
  /** What the guest's clock lacks, in ms: positive when it is behind. Right to half of `roundTripMs`. */
  readonly offsetMs: number;
  readonly roundTripMs: number;
  /** How much faster than by itself it runs, in parts per billion. */
  readonly ratePpb: number;
  /** When the sample was taken, by a clock of the host's that nobody sets. */
  readonly atMs: number;
}

/** What is remembered from one sample to the next. */
export interface ClockMemory {
  readonly atMs: number;
  /** What the clock was to lack at the next sample, after what was done about it. */
  readonly leftMs: number;
  /** How long the clock was left alone since. */
  readonly calmMs: number;
}

export interface ClockPlan {
  readonly stepMs: number;
  readonly slewMs: number;
  readonly slewOverMs: number;
  /** Absent: as it is. */
  readonly ratePpb?: number;
  /** When to look again. */
  readonly nextMs: number;
  readonly memory?: ClockMemory;
}

/** Off by more than this a clock is set, since turning it would take too long. Programs mind steps. */
export const STEP_MS = 500;
/** Off by less than this nothing is done. */
const GOOD_MS = 1;
/** Off by more than this it is looked at again soon. */
const FAIR_MS = 20;
/** A busy guest answers late: such a sample says little. */
const MAX_ROUND_TRIP_MS = 100;
/** Most that a clock is turned, of its own pace. */
const MAX_RATE = 0.05;
/** How much of a new finding on a clock's own pace is believed. */
const TRUST = 0.4;
/** Samples nearer than this to each other say nothing of its pace. */
const MIN_APART_MS = 1_500;

/** Between two looks at a clock that goes well, and at one that does not. */
export const CALM_MS = 10_000;
export const BUSY_MS = 2_000;
/** The longest that a clock is left alone which kept the pace that was foreseen: each look is work for an idle guest. */
export const LONG_MS = 60_000;
/** Off the foreseen by no more than this it kept its pace. */
const STEADY_MS = 2;
/**
 * A clock that needs more help than this loses ticks, and will lose others as soon as its guest has more to do. One that
 * counts by a counter of the host's, as all do by default, needs far less.
 */
const STEADY_RATE_PPB = 200_000;

/**
 * What is done about a guest's clock: set when it is far off, else turned, so that it is right by the next look. From what
 * it gains or loses between two samples its own pace is learned and made good.
 *
 * @param before what the last plan left to remember; undefined after a step, a pause, or at first.
 */
export function planClock(sample: ClockSample, before: ClockMemory | undefined): ClockPlan {
  const { offsetMs, roundTripMs, ratePpb, atMs } = sample;
  const doubt = roundTripMs / 2;
  const nothing = { stepMs: 0, slewMs: 0, slewOverMs: 0 };
  if (Math.abs(offsetMs) - doubt > STEP_MS) return { ...nothing, stepMs: offsetMs, nextMs: BUSY_MS };
  // Of a late answer only as much is believed as is wrong for certain, and nothing is learned from it.
  if (roundTripMs > MAX_ROUND_TRIP_MS) {
    const certain = Math.sign(offsetMs) * (Math.abs(offsetMs) - doubt);
    if (Math.abs(offsetMs) - doubt <= FAIR_MS)
      return { ...nothing, nextMs: BUSY_MS, ...(before && { memory: before }) };
    return { ...nothing, slewMs: bounded(certain, MAX_RATE * BUSY_MS), slewOverMs: BUSY_MS, nextMs: BUSY_MS };
  }
  const nextMs = Math.abs(offsetMs) > FAIR_MS ? BUSY_MS : calmAfter(sample, before);
  const overMs = Math.min(nextMs, CALM_MS);
  const slewMs = Math.abs(offsetMs) > Math.max(GOOD_MS, doubt) ? bounded(offsetMs, MAX_RATE * overMs) : 0;
  const memory = { atMs, leftMs: offsetMs - slewMs, calmMs: nextMs };
  const learned = before === undefined ? undefined : learn(sample, before);
  return {
    ...nothing,
    slewMs,
    slewOverMs: slewMs === 0 ? 0 : overMs,
    nextMs,
    memory,
    ...(learned !== undefined && learned !== ratePpb && { ratePpb: learned }),
  };
}

/** Twice as long as before for a clock that kept its pace until now, up to a bound. */
function calmAfter({ offsetMs, roundTripMs, ratePpb }: ClockSample, before: ClockMemory | undefined): number {
  if (before === undefined || before.calmMs < CALM_MS || Math.abs(ratePpb) > STEADY_RATE_PPB) return CALM_MS;
  const isSteady = Math.abs(offsetMs - before.leftMs) <= STEADY_MS + roundTripMs / 2;
  return isSteady ? Math.min(2 * before.calmMs, LONG_MS) : CALM_MS;
}

/** The pace that a clock is to be given, from how it ran since the last sample. */
function learn({ offsetMs, roundTripMs, ratePpb, atMs }: ClockSample, before: ClockMemory): number | undefined {
  const apartMs = atMs - before.atMs;
  if (apartMs < MIN_APART_MS) return undefined;
  const lost = offsetMs - before.leftMs;
  // What may as well be the samples' own inaccuracy.
  if (Math.abs(lost) <= roundTripMs / 2) return undefined;
  return Math.round(bounded(ratePpb / 1e9 + (TRUST * lost) / apartMs, MAX_RATE) * 1e9);
}

function bounded(value: number, most: number): number {
  return Math.max(-most, Math.min(most, value));
}
