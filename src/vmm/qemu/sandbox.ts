import { stat } from "node:fs/promises";
import { asBangerError } from "../../lib/errors.ts";
import { run } from "../../lib/process.ts";

/**
 * The value of `-sandbox`: no system call that QEMU has no use for, none by which it would gain privileges, none that starts
 * another program, none for priorities and processors (qemu(1)). What our machines have works with it: slirp inside QEMU,
 * a TAP device by its name without scripts, vhost-vsock.
 */
export const SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

const ASK_MS = 10_000;

/** Asks a QEMU once, until its file is another one, whether it was built with its system call filter. */
export function sandboxFinder(): (binary: string) => Promise<boolean> {
  let known: { readonly key: string; readonly has: Promise<boolean> } | undefined;
  return async (binary) => {
    const { mtimeMs, size, ino } = await stat(binary);
    const key = [binary, mtimeMs, size, ino].join(" ");
    if (known?.key !== key) {
      const has = hasSandbox(binary);
      has.catch(() => (known = undefined));
      known = { key, has };
    }
    return known.has;
  };
}

/** QEMU reads its options in their order: it refuses the filter before it comes to print its version. */
async function hasSandbox(binary: string): Promise<boolean> {
  try {
    await run(binary, ["-sandbox", SANDBOX, "-version"], { timeoutMs: ASK_MS });
    return true;
  } catch (error) {
    if (asBangerError(error).code === "TOOL_FAILED") return false;
    throw error;
  }
}
