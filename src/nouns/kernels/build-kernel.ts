import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { removeTree } from "../../lib/destroy.ts";
import { BangerError } from "../../lib/errors.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { run } from "../../lib/process.ts";
import { importKernel } from "../../kernel/import-kernel.ts";
import { reporting } from "../../lib/reporting.ts";
import type { KernelContents } from "../../model/kernel.ts";
import type { KernelContext } from "./kernel-context.ts";

export interface KernelBuild {
  /** Fragment of a configuration in place of the generic kernel's. */
  readonly config?: string | undefined;
  readonly from?: string | undefined;
  readonly jobs?: number | undefined;
}

/** Removing a half-built kernel tree takes seconds, and its compilers must end with it. */
const GRACE_MS = 60_000;
/** `  1349 of about 2550 steps, 182 s`: how scripts/make-generic-kernel.sh says how far it is. */
const STEPS = /^\s*(\d+) of about (\d+) steps/;

const builtSchema = z.object({
  source: z.string(),
  sourceSha256: z.string(),
  compiler: z.string(),
});

/**
 * Builds a kernel from source by banger's own script, which finds in its cache what was built before.
 *
 * @param targetDir an empty folder; its content is worth nothing if this fails.
 * @throws BangerError `KERNEL_BUILD_FAILED` with the end of what the script said.
 */
export async function buildKernel(
  context: KernelContext,
  build: KernelBuild,
  targetDir: string,
  operation: OperationContext,
): Promise<KernelContents> {
  const { signal, progress } = operation;
  const out = `${targetDir}.built`;
  const script = context.recipes.makeGenericKernel;
  const args = [
    "--out",
    out,
    "--name",
    "kernel",
    ...(build.config === undefined ? [] : ["--config", build.config]),
    ...(build.from === undefined ? [] : ["--from", build.from]),
    ...(build.jobs === undefined ? [] : ["--jobs", String(build.jobs)]),
  ];
  const said: string[] = [];
  const step = { id: "build", label: "building the kernel" };
  const onStderrLine = (line: string): void => {
    const steps = STEPS.exec(line);
    if (steps !== null) {
      const [done, total] = [Number(steps[1]), Number(steps[2])];
      progress({ ...step, status: "running", unit: "items", done: Math.min(done, total), total });
      return;
    }
    said.push(line);
    if (said.length > 60) said.shift();
    progress({ ...step, status: "running", note: line });
  };
  try {
    const vmlinux = await reporting(progress, step, async () => {
      try {
        const { stdout } = await run(script, args, { signal, onStderrLine, graceMs: GRACE_MS });
        return stdout.trim().split("\n").at(-1) ?? "";
      } catch (error) {
        signal.throwIfAborted();
        throw buildFailed(said, script, error);
      }
    });
    const about = builtSchema.parse(JSON.parse(await readFile(join(dirname(vmlinux), "build.json"), "utf8")));
    const source = { kind: "build", recipe: build.config ?? "generic", ...about } as const;
    return await importKernel({ vmlinux, source }, targetDir, operation);
  } finally {
    await removeTree(dirname(out), basename(out), "work of the open intent kernel.add, by its name");
  }
}

function buildFailed(said: readonly string[], script: string, cause: unknown): BangerError {
  const end = said.slice(-15).join("\n");
  return new BangerError("KERNEL_BUILD_FAILED", {
    what: "the kernel could not be built",
    why: end === "" ? (cause instanceof Error ? cause.message : String(cause)) : end,
    fix: `mend what it says, or run it yourself: ${script} --help`,
    cause,
    data: { said: [...said] },
  });
}
