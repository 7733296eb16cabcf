/** What a runner found. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly SkippedTest[];
}

export interface SkippedTest {
  readonly name: string;
  readonly reason: string;
}

export function sum(all: readonly Counts[]): Counts {
  return {
    passed: all.reduce((n, c) => n + c.passed, 0),
    failed: all.reduce((n, c) => n + c.failed, 0),
    skipped: all.flatMap((c) => c.skipped),
  };
}

/** Counts a test that was skipped without a word as failed: nobody could tell what is missing. */
export function refuseSilentSkips(counts: Counts): { counts: Counts; refused: readonly string[] } {
  const refused = counts.skipped.filter(({ reason }) => reason === "").map(({ name }) => name);
  const skipped = counts.skipped.filter(({ reason }) => reason !== "");
  return { counts: { ...counts, failed: counts.failed + refused.length, skipped }, refused };
}

/** The last line of a run, for people and for programs. */
export function summaryLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped.length} skipped`;
}

/** A runner that ended without saying what it did has failed, whatever it printed. */
export function withExitStatus(counts: Counts | undefined, exitStatus: number | null): Counts {
  const said = counts ?? { passed: 0, failed: 0, skipped: [] };
  const silent = counts === undefined || (exitStatus !== 0 && said.failed === 0);
  return silent ? { ...said, failed: said.failed + 1 } : said;
}
