import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Counts, withExitStatus } from "./counts.ts";
import type { NodeSuite } from "./suites.ts";

const REPORTER = join(import.meta.dirname, "counting-reporter.ts");

/** Runs the suite's builds, then its files with `node --test`. A suite without files is one failure. */
export async function runNodeSuite(
  suite: NodeSuite,
  root: string,
  output: "inherit" | "ignore" = "inherit",
): Promise<Counts> {
  const files = globSync(suite.files, { cwd: root }).toSorted();
  if (files.length === 0) {
    const reason = `no test files match ${suite.files.join(", ")}`;
    return { passed: 0, failed: [{ name: `suite ${suite.name}`, reason }], skipped: [] };
  }
  for (const script of suite.builds ?? []) {
    const { status } = spawnSync(join(root, script), [], { cwd: root, stdio: ["ignore", "ignore", output] });
    if (status !== 0) console.error(`${script} has failed; the tests that need it say more`);
  }
  const scratch = await mkdtemp(join(tmpdir(), "banger-test-counts-"));
  try {
    const counts = join(scratch, "counts.json");
    const args = [
      "--test",
      // A test that timed out often keeps something open; without this its file would never end.
      "--test-force-exit",
      `--test-concurrency=${suite.concurrency}`,
      `--test-timeout=${suite.timeoutMs}`,
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      `--test-reporter=${REPORTER}`,
      `--test-reporter-destination=${counts}`,
      ...files,
    ];
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: testEnvironment(),
      stdio: ["ignore", output, output],
    });
    const [exitStatus] = (await once(child, "exit")) as [number | null];
    return withExitStatus(await readCounts(counts), `suite ${suite.name}`, exitStatus);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** A test runner inside a test takes the outer one's reporters and prints nothing of its own. */
function testEnvironment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _outer, ...env } = process.env;
  return env;
}

async function readCounts(path: string): Promise<Counts | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Counts;
  } catch {
    return undefined; // The runner died before it could write it; its exit status tells.
  }
}
