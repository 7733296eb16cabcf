import { stat } from "node:fs/promises";
import { run } from "../../lib/process.ts";

/**
 * The value of `-sandbox`: no system call that QEMU has no use for, none by which it would gain privileges, none that starts
 * another program, none for priorities and processors (qemu(1)). What our machines have works with it: slirp inside QEMU,
 * a TAP device by its name without scripts, vhost-vsock.
 */
export const SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

const ASK_MS = 10_000;

/** What is known of QEMUs and their system call filter. */
export interface SandboxMemory {
  /** Whether to start one with it: yes, until it was found to have none. Asking each beforehand would cost a start 50 ms. */
  isExpected(binary: string): Promise<boolean>;
  /** To be asked of one that did not start: whether it was built without the filter. */
  isMissing(binary: string): Promise<boolean>;
}

/** Remembers each QEMU until its file is another one. */
export function sandboxMemory(): SandboxMemory {
  const known = new Map<string, boolean>();
  return {
    isExpected: async (binary) => known.get(await keyOf(binary)) ?? true,
    async isMissing(binary) {
      const key = await keyOf(binary);
      // QEMU reads its options in their order: it refuses the filter before it comes to print its version.
      const has = known.get(key) ?? (await runs(binary, ["-sandbox", SANDBOX, "-version"]));
      // One that does not run at all says nothing of its filter.
      if (!has && !(await runs(binary, ["-version"]))) return false;
      known.set(key, has);
      return !has;
    },
  };
}

async function keyOf(binary: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(binary);
  return [binary, mtimeMs, size, ino].join(" ");
}

async function runs(binary: string, args: readonly string[]): Promise<boolean> {
  return run(binary, args, { timeoutMs: ASK_MS }).then(
    () => true,
    () => false,
  );
}
