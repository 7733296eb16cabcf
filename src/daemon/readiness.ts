import { closeSync, writeSync } from "node:fs";
import { toErrorBody, type ErrorBody } from "../lib/errors.ts";

/** What the daemon tells the one who started it, as one line of JSON on the descriptor that BANGER_READY_FD names. */
export type ReadinessLine =
  | { readonly ready: true }
  | { readonly holder: number | null }
  | { readonly error: ErrorBody };

/** Says once how the start went. Without somebody who waits it does nothing. */
export function tellReadiness(line: ReadinessLine, env: NodeJS.ProcessEnv = process.env): void {
  const fd = readyDescriptor(env);
  if (fd === undefined) return;
  delete env["BANGER_READY_FD"];
  try {
    writeSync(fd, `${JSON.stringify(line)}\n`);
    closeSync(fd);
  } catch {
    // Who started us is gone already; that changes nothing for us.
  }
}

/** Where somebody waits to hear of our readiness. */
export function readyDescriptor(env: NodeJS.ProcessEnv): number | undefined {
  const fd = Number.parseInt(env["BANGER_READY_FD"] ?? "", 10);
  return Number.isSafeInteger(fd) && fd >= 3 ? fd : undefined;
}

export function failure(error: unknown): ReadinessLine {
  return { error: toErrorBody(error) };
}
