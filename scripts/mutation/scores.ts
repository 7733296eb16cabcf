import type { MutantResult } from "@stryker-mutator/api/core";

/** What became of the mutants of an area. */
export interface Score {
  readonly area: string;
  /** Mutants that were run. */
  readonly mutants: number;
  /** Mutants that there are; more than were run where a sample was drawn. */
  readonly all: number;
  readonly killed: number;
  /** Survivors that a test has run. */
  readonly survived: number;
  /** Survivors that no test has reached. */
  readonly untouched: number;
  readonly seconds: number;
}

type Judged = Pick<MutantResult, "status">;

/** @returns what became of them; mutants that do not even load are none, and what was not drawn is no score. */
export function scoreOf(area: string, results: readonly Judged[], seconds: number): Score {
  const count = (...wanted: readonly MutantResult["status"][]): number =>
    results.filter(({ status }) => wanted.includes(status)).length;
  const killed = count("Killed", "Timeout");
  const survived = count("Survived");
  const untouched = count("NoCoverage");
  const mutants = killed + survived + untouched;
  return { area, mutants, all: mutants + count("CompileError"), killed, survived, untouched, seconds };
}

export function sumOf(scores: readonly Score[]): Score {
  const total = (of: (score: Score) => number): number => scores.reduce((sum, score) => sum + of(score), 0);
  return {
    area: "all",
    mutants: total((score) => score.mutants),
    all: total((score) => score.all),
    killed: total((score) => score.killed),
    survived: total((score) => score.survived),
    untouched: total((score) => score.untouched),
    seconds: total((score) => score.seconds),
  };
}

/** Percent of the mutants that the tests have killed; of none, all. */
export function percentKilled({ mutants, killed }: Score): number {
  return mutants === 0 ? 100 : (100 * killed) / mutants;
}

/** What must be killed of an area that has a floor, in percent. */
export const FLOOR = 75;

/**
 * The areas that a run is to fail for: those with a floor that are below it, or of which nothing was run, since a run that
 * finds no mutants says nothing of the tests.
 */
export function belowFloor(scores: readonly Score[], withFloor: ReadonlySet<string>): readonly string[] {
  return scores
    .filter(({ area, mutants, killed }) => withFloor.has(area) && (mutants === 0 || 100 * killed < FLOOR * mutants))
    .map((score) => `${score.area}: ${score.killed} of ${score.mutants} mutants killed, fewer than ${FLOOR} %`);
}

export function scoreLines(scores: readonly Score[]): string {
  const rows = [
    ["area", "mutants", "of", "killed", "survived", "untouched", "score", "seconds"],
    ...scores.map((score) => [
      score.area,
      ...[score.mutants, score.all, score.killed, score.survived, score.untouched].map(String),
      `${percentKilled(score).toFixed(1)} %`,
      score.seconds.toFixed(0),
    ]),
  ];
  return rows
    .map(([name = "", ...cells]) => `${name.padEnd(12)}${cells.map((cell) => cell.padStart(11)).join("")}`)
    .join("\n");
}

/** Where a survivor stands (lines and columns count from 1), and what it is instead of what stands there, on one line. */
export function survivorLine(mutant: MutantResult, source: string): string {
  const { fileName, location, status, mutatorName, replacement } = mutant;
  const lines = source.split("\n").slice(location.start.line - 1, location.end.line);
  const last = lines.length - 1;
  const original = lines
    .map((line, n) =>
      line.slice(n === 0 ? location.start.column - 1 : 0, n === last ? location.end.column - 1 : undefined),
    )
    .join(" ");
  const place = `${fileName}:${location.start.line}:${location.start.column}`;
  return `${place} ${status} ${mutatorName}: ${brief(original)} -> ${brief(replacement)}`;
}

function brief(code: string): string {
  const line = code.replaceAll(/\s+/g, " ");
  return line.length > 90 ? `${line.slice(0, 89)}…` : line;
}
