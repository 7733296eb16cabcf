import type { MachineExit } from "../driver.ts";
import { endInWords, guestEnd } from "../guest-end.ts";

/** All that was seen of a Firecracker's end. */
export interface FirecrackerEnd {
  /** Of a child of ours only. */
  readonly exitCode?: number | undefined;
  readonly signal?: NodeJS.Signals | undefined;
  /** The end of its log. */
  readonly log: string;
  /** The end of what it wrote to its standard error. */
  readonly said: string;
  /** The end of the guest's console. */
  readonly console: string;
}

/** Of a line of the log, in a VM's state. */
const MAX_FAULT_LENGTH = 400;

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

/** Signals that Firecracker takes, and ends by with a status of its own (src/vmm/src/signal_handler.rs), by their numbers. */
const STATUS_OF_SIGNAL: Readonly<Record<number, number>> = { 1: 156, 4: 157, 7: 149, 11: 150, 24: 154, 25: 151 };

/** Says how a microVM ended, in words for its state. */
export function explainEnd(end: FirecrackerEnd): MachineExit {
  const { exitCode, signal } = end;
  const status = exitCode ?? loggedStatus(end.log);
  // An API request that was refused is an error in its log too, and no reason for its end; what a processor says is one.
  const said = [vcpuFault(end.log), end.said].filter((words) => words !== undefined && words !== "").join("; ");
  if (signal !== undefined) return failed(`Firecracker was killed by ${signal}`, said);
  // A guest's panic and its poweroff end as its reboot does; only the console tells them apart.
  const guest = guestEnd(end.console);
  if (guest?.by === "panic") return { clean: false, by: "panic", reason: endInWords(guest) };
  if (status === 0) {
    const by = guest?.by === "shutdown" ? "shutdown" : "reboot";
    return { clean: true, by, reason: endInWords({ by }) };
  }
  if (status === undefined) return failed("Firecracker ended, and nobody saw how", said);
  return failed(`Firecracker ended ${EXIT_CODES[status] ?? "for no known reason"} (exit status ${status})`, said);
}

function failed(what: string, said: string): MachineExit {
  return { clean: false, by: "vmm", reason: said === "" ? what : `${what}: ${said}` };
}

/** Its last line says how it ends, to whoever is not its parent; one that a signal ends names that and no status. */
function loggedStatus(log: string): number | undefined {
  const status = /exit_code=(\d{1,3})\s*$/.exec(log)?.[1];
  if (status !== undefined) return Number(status);
  const signal = /Shutting down VM after intercepting signal (\d{1,2})\b/.exec(log)?.[1];
  return signal === undefined ? undefined : STATUS_OF_SIGNAL[Number(signal)];
}

/** What went wrong at a start: what a processor of the guest says where one does, else the last error. */
export function loggedFault(log: string): string | undefined {
  return vcpuFault(log) ?? errorsIn(log).at(-1)?.words;
}

/** The line of the guest's processor; those that follow only say that it is over (`MicroVMStoppedWithError(GenericError)`). */
function vcpuFault(log: string): string | undefined {
  return errorsIn(log).find(({ thread }) => thread.startsWith("fc_vcpu"))?.words;
}

/** `TIME [ID:THREAD:ERROR] WORDS`, with `:FILE:LINE` behind the level where it was asked for. */
function errorsIn(log: string): readonly { readonly thread: string; readonly words: string }[] {
  return log.split("\n").flatMap((line) => {
    const found = /\[[^\]:]*:([^\]:]*):ERROR[^\]]*\]\s*(.*)$/.exec(line);
    const [, thread = "", words = ""] = found ?? [];
    const isEnd = /exit_code=|MicroVMStoppedWithError/.test(words);
    return found === null || isEnd ? [] : [{ thread, words: words.slice(0, MAX_FAULT_LENGTH) }];
  });
}
