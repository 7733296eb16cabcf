import type { PartialStrykerOptions } from "@stryker-mutator/api/core";
import { join } from "node:path";

/** Everything of a run that is not to be kept, and what it tells, lies here. */
export const MUTATION_FOLDER = "build/mutation";

/**
 * Only what changes a decision is mutated. Words for people, tables and lists of plain data have hundreds of mutants each,
 * and a test that would kill them repeats the table.
 */
const LEFT_ALONE = ["StringLiteral", "ObjectLiteral", "ArrayDeclaration"] as const;

/**
 * How Stryker runs one area: which test files load a mutant is found once, and only those run for it.
 *
 * @param sample mutants that are run at most; of more, a sample is drawn.
 */
export function strykerOptions(
  files: readonly string[],
  tests: readonly string[],
  sample: number,
): PartialStrykerOptions {
  return {
    mutate: [...files],
    testRunner: "tap",
    plugins: ["@stryker-mutator/tap-runner", join(import.meta.dirname, "sample.ts")],
    // Node strips the types of what Stryker writes as it does those of ours.
    tap: { testFiles: [...tests], nodeArgs: ["--test-reporter=tap", "-r", "{{hookFile}}", "{{testFile}}"] },
    coverageAnalysis: "perTest",
    mutator: { plugins: null, excludedMutations: [...LEFT_ALONE] },
    disableTypeChecks: true,
    // Types are tsc's to check, and a mutant that it would refuse is rare with these mutators.
    checkers: ["sample"],
    sample,
    warnings: { unknownOptions: false, preprocessorErrors: true, unserializableOptions: true, slow: true },
    // Stryker would rewrite tsconfig.json by a function that TypeScript 7 has no more; nothing reads it there.
    ignorePatterns: ["/build", "/tsconfig.json"],
    tempDirName: join(MUTATION_FOLDER, "sandbox"),
    cleanTempDir: "always",
    concurrency: 2,
    // What loops is found by its count of hits; the clock is for what waits for ever, on a machine that may be busy.
    timeoutMS: 20_000,
    reporters: ["json"],
    jsonReporter: { fileName: join(MUTATION_FOLDER, "mutation.json") },
    allowConsoleColors: false,
    thresholds: { high: 90, low: 75, break: null },
  };
}
