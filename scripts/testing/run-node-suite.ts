import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Counts, sum, withExitStatus } from "./counts.ts";
import type { NodeSuite } from "./suites.ts";

const REPORTER = join(import.meta.dirname, "counting-reporter.ts");

const COMPILE_CACHE = "build/compile-cache";

/** Runs the suite's builds, then its files with `node --test`. A suite without files is one failure. */
export async function runNodeSuite(
  suite: NodeSuite,
  root: string,
  output: "inherit" | "ignore" = "inherit",
): Promise<Counts> {
  const { alone = {} } = suite;
  const files = globSync(suite.files, { cwd: root }).toSorted();
  const missing = Object.keys(alone).filter((file) => !files.includes(file));
  if (files.length === 0 || missing.length > 0) {
    const reason = `no test files match ${(files.length === 0 ? suite.files : missing).join(", ")}`;
    return { passed: 0, failed: [{ name: `suite ${suite.name}`, reason }], skipped: [] };
  }
  for (const script of suite.builds ?? []) {
    const { status } = spawnSync(join(root, script), [], { cwd: root, stdio: ["ignore", "ignore", output] });
    if (status !== 0) console.error(`${script} has failed; the tests that need it say more`);
  }
  const together = files.filter((file) => !Object.hasOwn(alone, file));
  const counts = [await runFiles(suite, together, suite.concurrency, root, output)];
  counts.push(await runFiles(suite, Object.keys(alone), 1, root, output));
  return sum(counts);
}

async function runFiles(
  { name, timeoutMs, compileCache }: NodeSuite,
  files: readonly string[],
  concurrency: number,
  root: string,
  output: "inherit" | "ignore",
): Promise<Counts> {
  if (files.length === 0) return sum([]);
  const scratch = await mkdtemp(join(tmpdir(), "banger-test-counts-"));
  try {
    const counts = join(scratch, "counts.json");
    const args = [
      "--test",
      // A test that timed out often keeps something open; without this its file would never end.
      "--test-force-exit",
      `--test-concurrency=${concurrency}`,
      `--test-timeout=${timeoutMs}`,
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      `--test-reporter=${REPORTER}`,
      `--test-reporter-destination=${counts}`,
      ...files,
    ];
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...testEnvironment(), ...(compileCache === true && { NODE_COMPILE_CACHE: join(root, COMPILE_CACHE) }) },
      stdio: ["ignore", output, output],
    });
    const [exitStatus] = (await once(child, "exit")) as [number | null];
    return withExitStatus(await readCounts(counts), `suite ${name}`, exitStatus);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** A test runner inside a test would take the outer one's reporters, and its cache. */
function testEnvironment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _outer, NODE_COMPILE_CACHE: _cache, ...env } = process.env;
  return env;
}

async function readCounts(path: string): Promise<Counts | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Counts;
  } catch {
    return undefined; // The runner died before it could write it; its exit status tells.
  }
}
