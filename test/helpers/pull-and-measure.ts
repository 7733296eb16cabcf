import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { noProgress } from "../../src/lib/progress.ts";
import { pullDebianKernel } from "../../src/kernel/pull-debian.ts";

// usage: pull-and-measure.ts MIRROR KEYRING DIR SUITE...
// Pulls the kernel of one suite after the other, and prints after each the most memory that this process has had, in MB.
const [mirror = "", keyring = "", dir = "", ...suites] = process.argv.slice(2);
for (const suite of suites) {
  const target = join(dir, suite);
  await mkdir(target);
  const options = { mirror, suite, keyrings: [keyring], arch: "amd64" as const, cacheDir: join(dir, "cache") };
  await pullDebianKernel(options, target, { signal: new AbortController().signal, progress: noProgress });
  const status = await readFile("/proc/self/status", "utf8");
  console.log(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024);
}
