/** What a figure is given in. Times are measured in milliseconds; all else in its own unit. */
export type Unit = "ms" | "s" | "MiB" | "%";

/** One figure of ours, beside what does the same or what nobody can beat. */
export interface Comparison {
  /** What is measured, in words: `banger vm list, daemon running`. */
  readonly name: string;
  readonly unit: Unit;
  readonly besideName: string;
  /** Most that ours may take, as a multiple of the other. */
  readonly aim: number;
  readonly rounds: number;
  /** Why this machine cannot measure it, in words; undefined where it can. */
  readonly skip?: () => Promise<string | undefined>;
  /** Makes all that is not measured. Disposed of when the rounds are over. */
  readonly prepare: () => Promise<Contest>;
}

export interface Contest extends AsyncDisposable {
  /** Each does its work once and resolves with the milliseconds that count. */
  readonly ours: () => Promise<number>;
  readonly beside: () => Promise<number>;
}

/** Several figures of ours from one look at what takes long to set up, each beside the same of another. */
export interface Survey {
  readonly name: string;
  readonly besideName: string;
  /** Why this machine cannot measure it, in words; undefined where it can. */
  readonly skip?: () => Promise<string | undefined>;
  readonly measure: () => Promise<readonly BenchResult[]>;
}

/** One entry of `build/bench.json`: medians of one run in which both sides took turns. */
export interface BenchResult {
  readonly name: string;
  readonly ours: number;
  readonly unit: Unit;
  readonly beside: number;
  readonly besideName: string;
  /** ours / beside */
  readonly ratio: number;
  readonly aim: number;
  readonly holds: boolean;
}

/** Both sides once for nothing, to fill caches; then in turns, so that what else the machine does falls on both. */
export async function compare(comparison: Comparison): Promise<BenchResult> {
  await using contest = await comparison.prepare();
  await contest.ours();
  await contest.beside();
  const ours: number[] = [];
  const beside: number[] = [];
  for (let round = 0; round < comparison.rounds; round += 1) {
    if (round % 2 === 0) ours.push(await contest.ours());
    beside.push(await contest.beside());
    if (round % 2 === 1) ours.push(await contest.ours());
  }
  return judge(comparison, ours, beside);
}

/** What a missed aim comes to, in words. */
export function missed({ name, ours, unit, beside, besideName, ratio, aim }: BenchResult): string {
  return `${name}: ${ours} ${unit} are ${ratio} times the ${beside} ${unit} of ${besideName}; the aim is ${aim} times at most`;
}

/** @throws Error for a side without a time. */
export function judge(
  { name, unit, besideName, aim }: Pick<Comparison, "name" | "unit" | "besideName" | "aim">,
  oursMs: readonly number[],
  besideMs: readonly number[],
): BenchResult {
  const inUnit = (ms: number): number => rounded(unit === "s" ? ms / 1000 : ms);
  const [ours, beside] = [median(oursMs), median(besideMs)];
  const ratio = rounded(ours / beside);
  return { name, ours: inUnit(ours), unit, beside: inUnit(beside), besideName, ratio, aim, holds: ratio <= aim };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined) throw new Error("no times were measured");
  return (low + high) / 2;
}

/** Three digits say all that a median of a few rounds can. */
function rounded(n: number): number {
  return Number(n.toPrecision(3));
}
