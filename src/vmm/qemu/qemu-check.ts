import { findExecutable } from "../../lib/find-executable.ts";
import { installHint } from "../../lib/install-hint.ts";
import { run } from "../../lib/process.ts";
import type { Finding, HostCheck } from "../../model/doctor.ts";
import { QEMU_SYSTEM, type QemuPlace } from "./qemu-binary.ts";

/** The oldest release that our VMs are tested with. */
const OLDEST_TESTED = 7.2;

/** Looks whether QEMU is there, how old it is, and whether it filters its system calls.. */
export function qemuCheck({ qemuBin, searchPath }: QemuPlace): HostCheck {
  return {
    name: "qemu",
    why: "QEMU runs VMs wherever Firecracker does not, and tries KVM out",
    essential: true,
    async look(signal) {
      const name = qemuBin ?? QEMU_SYSTEM;
      const path = await findExecutable(name, searchPath);
      if (path === undefined) return missing(name, qemuBin !== undefined);
      const { stdout } = await run(path, ["--version"], { signal });
      const found = describeVersion(path, stdout);
      return found.result === "ok" && !(await filtersSystemCalls(path, signal)) ? withoutFilter(found) : found;
    },
  };
}

/** QEMU reads its options in their order: one without the filter refuses the first. */
async function filtersSystemCalls(path: string, signal: AbortSignal): Promise<boolean> {
  try {
    await run(path, ["-sandbox", "on", "-version"], { signal });
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

export function withoutFilter(found: Finding): Finding {
  return {
    ...found,
    result: "warn",
    summary: `${found.summary}, built without its system call filter (-sandbox)`,
    fix: `use a QEMU that was built with libseccomp: ${installHint("qemu")}`,
  };
}

function missing(name: string, configured: boolean): Finding {
  return {
    result: "fail",
    summary: `${name} ${configured ? "is not an executable file" : "is not in PATH"}`,
    fix: configured ? "correct `qemu_bin` in the configuration" : installHint("qemu"),
  };
}

/** @param said what `--version` prints: `QEMU emulator version 7.2.22 (Debian …)`. */
export function describeVersion(path: string, said: string): Finding {
  const version = /version (\d+\.\d+)(\.\d+)*/.exec(said);
  if (version === null) {
    return {
      result: "fail",
      summary: `${path} does not say its version`,
      fix: "check `qemu_bin` in the configuration",
    };
  }
  const full = version[0].replace("version ", "");
  const data = { path, version: full };
  if (Number(version[1]) >= OLDEST_TESTED) return { result: "ok", summary: `QEMU ${full} at ${path}`, data };
  return {
    result: "warn",
    summary: `QEMU ${full} is older than ${OLDEST_TESTED}, the oldest that is tested`,
    fix: installHint("qemu"),
    data,
  };
}
