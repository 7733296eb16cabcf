import { readFile } from "node:fs/promises";
import type { Finding, HostCheck } from "../../model/doctor.ts";

/** Intel's and AMD's names in /proc/cpuinfo for what KVM is built on. */
const VIRTUALIZATION_FLAGS = ["vmx", "svm"];

export const cpuCheck: HostCheck = {
  name: "cpu",
  why: "banger's guests are x86-64 machines, and hardware virtualization makes them as fast as the host",
  essential: true,
  look: async () => describeCpu(process.arch, await readFile("/proc/cpuinfo", "utf8")),
};

/** @param cpuinfo /proc/cpuinfo (proc(5)). */
export function describeCpu(arch: string, cpuinfo: string): Finding {
  if (arch !== "x64") {
    return { result: "fail", summary: `this is ${arch}, not x86-64`, fix: "use an x86-64 host" };
  }
  const words = new Set(/^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/));
  const flag = VIRTUALIZATION_FLAGS.find((name) => words.has(name));
  const model = /^model name\s*:\s*(.*)$/m.exec(cpuinfo)?.[1] ?? "unknown processor";
  const virtual = words.has("hypervisor");
  const data = { model, flag: flag ?? null, virtual };
  if (flag !== undefined) return { result: "ok", summary: `${model} with ${flag}`, data };
  return {
    result: "warn",
    summary: `${model} shows no hardware virtualization`,
    fix: virtual
      ? "let this machine's own host pass it on (nested virtualization)"
      : "turn on VT-x or AMD-V in the firmware's settings",
    data,
  };
}
