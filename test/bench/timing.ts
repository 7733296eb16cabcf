import { spawn } from "node:child_process";
import { once } from "node:events";

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/**
 * Milliseconds from the start of a program to its end, its output thrown away.
 *
 * @throws Error if it does not end with 0: what failed is no figure.
 */
export async function timedProgram(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const started = performance.now();
  const child = spawn(file, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  const stderr: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // Not "close": a daemon that it started may hold on to the pipe.
  const [code] = (await once(child, "exit")) as [number | null];
  const took = performance.now() - started;
  if (code !== 0) throw new Error(`${file} ${args.join(" ")} ended with ${code}: ${Buffer.concat(stderr).toString()}`);
  return took;
}
