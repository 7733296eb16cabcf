import type { MachineExit } from "../driver.ts";

/** All that was seen of a Firecracker's end. */
export interface FirecrackerEnd {
  /** Of a child of ours only. */
  readonly exitCode?: number | undefined;
  readonly signal?: NodeJS.Signals | undefined;
  /** The end of its log. */
  readonly log: string;
  /** The end of what it wrote to its standard error. */
  readonly said: string;
  /** The guest kernel's last words, where it panicked. */
  readonly panic?: string | undefined;
}

/** FcExitCode (src/vmm/src/lib.rs of Firecracker), beyond 0 for a guest that ended itself. */
const EXIT_CODES: Readonly<Record<number, string>> = {
  1: "with an error",
  2: "with an error that it did not expect",
  148: "because a system call is not in its seccomp filter",
  149: "by a bus error: memory that it had mapped from a file is gone",
  150: "by a segmentation fault",
  151: "because a file grew past its limit (RLIMIT_FSIZE)",
  152: "because of its configuration",
  153: "because it did not understand its arguments",
  154: "because it used up its CPU time (RLIMIT_CPU)",
  155: "by a broken pipe",
  156: "because its terminal hung up",
  157: "by an illegal instruction",
};

/** Says how a microVM ended, in words for its state. */
export function explainEnd(end: FirecrackerEnd): MachineExit {
  const { exitCode, signal, said, panic } = end;
  const status = exitCode ?? loggedStatus(end.log);
  if (signal !== undefined) return failed(`Firecracker was killed by ${signal}`, said);
  // A guest's panic ends as its reboot does; only the console tells them apart.
  if (panic !== undefined) return failed(`the guest's kernel panicked: ${panic}`, "");
  if (status === 0) return { clean: true, reason: "the guest shut down or rebooted" };
  if (status === undefined) return failed("Firecracker ended, and nobody saw how", said);
  return failed(`Firecracker ended ${EXIT_CODES[status] ?? "for no known reason"} (exit status ${status})`, said);
}

function failed(what: string, said: string): MachineExit {
  return { clean: false, reason: said === "" ? what : `${what}: ${said}` };
}

/** Its last line says how it ends, to whoever is not its parent. */
function loggedStatus(log: string): number | undefined {
  const found = /exit_code=(\d{1,3})\s*$/.exec(log);
  return found === null ? undefined : Number(found[1]);
}
