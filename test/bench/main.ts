import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../helpers/test-host.ts";
import { copyCases } from "./cases/copy.ts";
import { diskCreateCases, diskReadyCases } from "./cases/disk-strategy.ts";
import {
  importBesideGunzip,
  importBesideTar2ext4,
  importBesideUnpacking,
  smallFilesBesideGunzip,
  smallFilesBesideTar2ext4,
  tenLayersBesideGunzip,
} from "./cases/image-import.ts";
import { kernelBoot } from "./cases/kernel-boot.ts";
import { idleVms } from "./cases/idle-vms.ts";
import { lineIn, lineOut } from "./cases/agent-line.ts";
import { networkLatency, networkUpload } from "./cases/network.ts";
import { thousandVmCases } from "./cases/thousand-vms.ts";
import { sessionAttach } from "./cases/session-attach.ts";
import { vmExec } from "./cases/vm-exec.ts";
import { vmList } from "./cases/vm-list.ts";
import { vmReadyAgent, vmReadySystemd } from "./cases/vm-ready-init.ts";
import { vmReady } from "./cases/vm-ready.ts";
import { type BenchResult, type Comparison, compare, missed, type Survey } from "./comparison.ts";
import { table } from "./table.ts";

const CASES: Readonly<Record<string, Comparison | Survey>> = {
  "vm-list": vmList,
  ...thousandVmCases,
  "vm-exec": vmExec,
  "session-attach": sessionAttach,
  "vm-ready": vmReady,
  "line-in": lineIn,
  "line-out": lineOut,
  ...copyCases,
  ...diskCreateCases,
  ...diskReadyCases,
  "net-latency": networkLatency,
  "net-upload": networkUpload,
  "vm-ready-agent": vmReadyAgent,
  "vm-ready-systemd": vmReadySystemd,
  "idle-20": idleVms,
  "kernel-boot": kernelBoot,
  "import-gunzip": importBesideGunzip,
  "import-tar2ext4": importBesideTar2ext4,
  "import-unpacking": importBesideUnpacking,
  "import-ten-layers": tenLayersBesideGunzip,
  "import-small-files": smallFilesBesideGunzip,
  "import-small-files-tar2ext4": smallFilesBesideTar2ext4,
};

/** A case that gave no figure, and why. */
interface WithoutFigure {
  readonly case: string;
  readonly name: string;
  readonly why: string;
}

/**
 * Measures the cases named on the command line, or all, prints a table and writes `build/bench.json`. An aim that is
 * missed is said and changes nothing else; a case that breaks is told at the end, after all others.
 */
async function main(wanted: readonly string[]): Promise<number> {
  const names = wanted.length === 0 ? Object.keys(CASES) : wanted;
  const unknown = names.find((name) => CASES[name] === undefined);
  if (unknown !== undefined) {
    console.error(`no such case: ${unknown}; there are ${Object.keys(CASES).join(", ")}`);
    return 2;
  }
  const results: BenchResult[] = [];
  const skipped: WithoutFigure[] = [];
  const broken: WithoutFigure[] = [];
  for (const name of names) {
    const comparison = CASES[name];
    if (comparison === undefined) continue;
    const why = await comparison.skip?.();
    if (why !== undefined) {
      skipped.push({ case: name, name: comparison.name, why });
      continue;
    }
    const rounds = "rounds" in comparison ? `, ${comparison.rounds} rounds` : "";
    console.error(`bench: ${name}: ${comparison.name}, beside ${comparison.besideName}${rounds}`);
    try {
      results.push(...("measure" in comparison ? await comparison.measure() : [await compare(comparison)]));
    } catch (error) {
      broken.push({ case: name, name: comparison.name, why: error instanceof Error ? error.message : String(error) });
    }
  }
  await mkdir(join(ROOT, "build"), { recursive: true });
  await writeFile(join(ROOT, "build/bench.json"), `${JSON.stringify(results, null, 2)}\n`);
  console.log(table(results));
  for (const result of results) if (!result.holds) console.log(`missed: ${missed(result)}`);
  for (const { case: name, name: words, why } of skipped) console.log(`skipped: ${name} (${words}): ${why}`);
  for (const { case: name, name: words, why } of broken) console.log(`BROKEN: ${name} (${words}): ${why}`);
  return broken.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
