import { join } from "node:path";
import { type Counts, failureLines, refuseSilentSkips, slowestLine, sum, summaryLine } from "./testing/counts.ts";
import { runGoSuite } from "./testing/run-go-suite.ts";
import { runNodeSuite } from "./testing/run-node-suite.ts";
import { GO_SUITE, NODE_SUITES } from "./testing/suites.ts";

const ROOT = join(import.meta.dirname, "..");

/** Runs the suites that are named, or all but those on demand; the last line says how many passed, failed and were skipped. */
async function main(wanted: readonly string[]): Promise<number> {
  const all = [...NODE_SUITES, GO_SUITE];
  const unknown = wanted.filter((name) => all.every((suite) => suite.name !== name));
  if (unknown.length > 0) {
    console.error(`no such suite: ${unknown.join(", ")}; there are ${all.map((suite) => suite.name).join(", ")}`);
    return 2;
  }
  const results: Counts[] = [];
  const suites: string[] = [];
  const isWanted = (suite: (typeof all)[number]): boolean =>
    wanted.length === 0 ? !("onDemand" in suite) : wanted.includes(suite.name);
  for (const suite of all.filter(isWanted)) {
    console.log(`\n== ${suite.name}: ${suite.about}`);
    const started = performance.now();
    const counts = "files" in suite ? await runNodeSuite(suite, ROOT) : await runGoSuite(join(ROOT, suite.directory));
    const seconds = (performance.now() - started) / 1000;
    console.log(`== ${suite.name}: ${summaryLine(counts)}, ${seconds.toFixed(1)} s`);
    suites.push(`${suite.name} ${seconds.toFixed(0)} s`);
    results.push(counts);
  }
  console.log(`\nsuites: ${suites.join(", ")}`);
  return report(refuseSilentSkips(sum(results)));
}

function report(counts: Counts): number {
  console.log(slowestLine(counts));
  for (const { name, reason } of counts.skipped) console.log(`skipped: ${name}: ${reason}`);
  for (const test of counts.failed) console.log(failureLines(test));
  console.log(summaryLine(counts));
  return counts.failed.length > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
