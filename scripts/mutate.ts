import { Stryker } from "@stryker-mutator/core";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, relative } from "node:path";
import { AREAS, modulesOf, type Area } from "./mutation/areas.ts";
import { belowFloor, scoreLines, scoreOf, sumOf, survivorLine, type Score } from "./mutation/scores.ts";
import { MUTATION_FOLDER, strykerOptions } from "./mutation/stryker-options.ts";

const ROOT = join(import.meta.dirname, "..");
const SURVIVORS = join(MUTATION_FOLDER, "survivors.txt");

/**
 * Mutates the modules of each area, or those that globs name, and tells what the area's unit tests killed of them.
 *
 * `SAMPLE` in the environment is how many mutants of an area are run at most.
 *
 * @returns exit status: 1 where a whole area is below its floor. A part of an area is not judged.
 */
async function main(wanted: readonly string[]): Promise<number> {
  process.chdir(ROOT);
  const parts = AREAS.map((area) => ({ area, files: modulesOf(area, wanted, ROOT) })).filter(
    ({ files }) => files.length > 0,
  );
  if (parts.length === 0) {
    console.error(`no module is mutated that matches ${wanted.join(", ")}; scripts/mutation/areas.ts lists them`);
    return 2;
  }
  const sample = sampleSize(process.env["SAMPLE"] ?? "400");
  await mkdir(MUTATION_FOLDER, { recursive: true });
  const scratch = await mkdtemp(join(tmpdir(), "banger-mutate-"));
  try {
    prepareEnvironment(scratch);
    const scores: Score[] = [];
    const survivors: string[] = [];
    for (const { area, files } of parts) {
      console.log(`\n== ${area.name}: ${files.length} modules`);
      const { score, lines } = await mutate(area, files, sample);
      console.log(scoreLines([score]));
      scores.push(score);
      survivors.push(...lines);
      await writeFile(SURVIVORS, survivors.map((line) => `${line}\n`).join(""));
    }
    console.log(`\n${scoreLines([...scores, sumOf(scores)])}\nThe survivors are in ${SURVIVORS}`);
    const whole = parts.filter(({ area, files }) => area.floor && files.length === modulesOf(area, [], ROOT).length);
    const below = belowFloor(scores, new Set(whole.map(({ area }) => area.name)));
    for (const line of below) console.error(line);
    return below.length === 0 ? 0 : 1;
  } finally {
    await rm(scratch, { recursive: true });
  }
}

function sampleSize(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`SAMPLE=${text} is no number of mutants`);
  return Number(text);
}

async function mutate(
  area: Area,
  files: readonly string[],
  sample: number,
): Promise<{ score: Score; lines: readonly string[] }> {
  const started = performance.now();
  const results = await new Stryker(strykerOptions(files, area.tests, sample)).runMutationTest();
  const lines: string[] = [];
  for (const mutant of results) {
    if (mutant.status !== "Survived" && mutant.status !== "NoCoverage") continue;
    lines.push(
      survivorLine({ ...mutant, fileName: relative(ROOT, mutant.fileName) }, await readFile(mutant.fileName, "utf8")),
    );
  }
  return { score: scoreOf(area.name, results, (performance.now() - started) / 1000), lines };
}

/**
 * The tests' environment, which they take over from here. Half of a file's time is stripping its types, which the compile
 * cache saves; what a killed test leaves in the folder for temporary files goes with that.
 */
function prepareEnvironment(scratch: string): void {
  process.env["PATH"] = [join(ROOT, "node_modules/.bin"), process.env["PATH"]].join(delimiter);
  process.env["NODE_COMPILE_CACHE"] = join(ROOT, MUTATION_FOLDER, "compile-cache");
  process.env["TMPDIR"] = scratch;
}

process.exitCode = await main(process.argv.slice(2));
