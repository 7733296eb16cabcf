/** What a runner found. */
export interface Counts {
  readonly passed: number;
  readonly failed: readonly ToldTest[];
  readonly skipped: readonly ToldTest[];
  /** How long each file took, where the runner says it. */
  readonly files?: readonly FileTime[];
}

export interface FileTime {
  /** Its path from the repository's root. */
  readonly file: string;
  readonly seconds: number;
}

/** A test of which more is to be said than that it passed. */
export interface ToldTest {
  readonly name: string;
  readonly reason: string;
}

/** Lines of a failed test's message that are told again at the end; all of it stands where it failed. */
const REASON_LINES = 12;

export function sum(all: readonly Counts[]): Counts {
  return {
    passed: all.reduce((n, c) => n + c.passed, 0),
    failed: all.flatMap((c) => c.failed),
    skipped: all.flatMap((c) => c.skipped),
    files: all.flatMap((c) => c.files ?? []),
  };
}

/** The files that took longest, the slowest first, where a run's time is to be found. */
export function slowestLine({ files = [] }: Counts, most = 12): string {
  const slowest = files.toSorted((a, b) => b.seconds - a.seconds).slice(0, most);
  return `slowest: ${slowest.map(({ file, seconds }) => `${file} ${seconds.toFixed(0)} s`).join(", ")}`;
}

/** Counts a test that was skipped without a word as failed: nobody could tell what is missing. */
export function refuseSilentSkips(counts: Counts): Counts {
  const refused = counts.skipped
    .filter(({ reason }) => reason === "")
    .map(({ name }) => ({ name, reason: "it was skipped and does not say why" }));
  const skipped = counts.skipped.filter(({ reason }) => reason !== "");
  return { ...counts, failed: [...counts.failed, ...refused], skipped };
}

/** What is told of a failed test at the end of a run, where whoever reads only that finds it. */
export function failureLines({ name, reason }: ToldTest): string {
  const lines = reason.split("\n");
  const shown = lines.length > REASON_LINES ? [...lines.slice(0, REASON_LINES), "…"] : lines;
  return [`failed: ${name}`, ...shown.map((line) => `  ${line}`)].join("\n");
}

/** The last line of a run, for people and for programs. */
export function summaryLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed.length} failed, ${skipped.length} skipped`;
}

/** A runner that ended without saying what it did has failed, whatever it printed. */
export function withExitStatus(counts: Counts | undefined, runner: string, exitStatus: number | null): Counts {
  const said = counts ?? { passed: 0, failed: [], skipped: [] };
  const silent = counts === undefined || (exitStatus !== 0 && said.failed.length === 0);
  if (!silent) return said;
  const reason = `it ended with ${exitStatus === null ? "a signal" : `status ${exitStatus}`} and did not say what failed`;
  return { ...said, failed: [{ name: runner, reason }] };
}
