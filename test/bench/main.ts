import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../helpers/test-host.ts";
import { importBesideGunzip, importBesideTar2ext4, importBesideUnpacking } from "./cases/image-import.ts";
import { vmExec } from "./cases/vm-exec.ts";
import { vmList } from "./cases/vm-list.ts";
import { vmReady } from "./cases/vm-ready.ts";
import { type BenchResult, type Comparison, compare } from "./comparison.ts";
import { table } from "./table.ts";

const CASES: Readonly<Record<string, Comparison>> = {
  "vm-list": vmList,
  "vm-exec": vmExec,
  "vm-ready": vmReady,
  "import-gunzip": importBesideGunzip,
  "import-tar2ext4": importBesideTar2ext4,
  "import-unpacking": importBesideUnpacking,
};

/** Measures the cases named on the command line, or all, prints a table and writes `build/bench.json`. */
async function main(wanted: readonly string[]): Promise<number> {
  const names = wanted.length === 0 ? Object.keys(CASES) : wanted;
  const results: BenchResult[] = [];
  for (const name of names) {
    const comparison = CASES[name];
    if (comparison === undefined) {
      console.error(`no such case: ${name}; there are ${Object.keys(CASES).join(", ")}`);
      return 2;
    }
    console.error(`bench: ${name}: ${comparison.name}, beside ${comparison.besideName}, ${comparison.rounds} rounds`);
    results.push(await compare(comparison));
  }
  await mkdir(join(ROOT, "build"), { recursive: true });
  await writeFile(join(ROOT, "build/bench.json"), `${JSON.stringify(results, null, 2)}\n`);
  console.log(table(results));
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
