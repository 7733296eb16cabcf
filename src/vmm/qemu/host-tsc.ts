import { access, readFile } from "node:fs/promises";

/**
 * The rate of this host's time stamp counter in kHz, where it can be known: QEMU hands it through to a guest under TCG.
 *
 * `cpu MHz` is that rate where the host is a virtual machine itself, whose processor keeps one clock and tells of no other
 * (arch/x86/kernel/cpu/proc.c). On real hardware it is the clock of the moment; but there KVM runs the guests.
 */
export async function hostTscKhz(): Promise<number | undefined> {
  try {
    await access("/sys/devices/system/cpu/cpu0/cpufreq");
    return undefined;
  } catch {
    // No clock that changes.
  }
  try {
    return tscKhzIn(await readFile("/proc/cpuinfo", "utf8"));
  } catch {
    return undefined;
  }
}

/** The pure part of {@link hostTscKhz}: from /proc/cpuinfo. */
export function tscKhzIn(cpuinfo: string): number | undefined {
  const flags = /^flags\s*: (.*)$/m.exec(cpuinfo)?.[1]?.split(" ") ?? [];
  const isFixed = flags.includes("hypervisor") && flags.includes("constant_tsc") && !flags.includes("aperfmperf");
  const mhz = Number(/^cpu MHz\s*: (\d+\.\d+)$/m.exec(cpuinfo)?.[1] ?? 0);
  return isFixed && mhz > 100 ? Math.round(mhz * 1000) : undefined;
}
