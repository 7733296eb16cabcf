import type { DoctorReport, HostCheck, KvmProbe } from "../model/doctor.ts";
import { chooseAccel } from "./choose-accel.ts";
import { cpuCheck } from "./checks/cpu.ts";
import { devicesCheck } from "./checks/devices.ts";
import { diskSpaceCheck, reflinkCheck } from "./checks/disk.ts";
import { kvmCheck } from "./checks/kvm.ts";
import { lingerCheck } from "./checks/linger.ts";
import { privilegesCheck } from "./checks/privileges.ts";
import { registriesCheck } from "./checks/registries.ts";
import { sshCheck } from "./checks/ssh.ts";
import { runCheck } from "./run-check.ts";

/** What the checks of a host need to know, and may ask. */
export interface DoctorInput {
  readonly searchPath: string | undefined;
  readonly dataDir: string;
  readonly registries: readonly string[];
  kvm(): Promise<KvmProbe>;
  canReflink(folder: string): Promise<boolean>;
  /** What each driver checks of its VMM, the preferred one first. */
  readonly drivers: readonly HostCheck[];
  /** Checks of what only the caller knows: configuration, daemon, left-overs (see checks/told.ts). */
  readonly more: readonly HostCheck[];
}

/** Looks at the host, at everything side by side. Rejects only when the signal aborts. */
export async function runChecks(input: DoctorInput, signal: AbortSignal): Promise<DoctorReport> {
  const kvm = input.kvm();
  const checks = [
    cpuCheck,
    kvmCheck(() => kvm),
    ...input.drivers,
    devicesCheck,
    privilegesCheck(process.getuid?.()),
    diskSpaceCheck(input.dataDir),
    reflinkCheck(input.dataDir, (folder) => input.canReflink(folder)),
    sshCheck(input.searchPath),
    lingerCheck(),
    registriesCheck(input.registries),
    ...input.more,
  ];
  const probe = kvm.catch(() => undefined); // The check tells why.
  const results = await Promise.all(checks.map(async (check) => ({ check, found: await runCheck(check, signal) })));
  signal.throwIfAborted();
  return {
    canRunVms: !results.some(({ check, found }) => check.essential && found.result === "fail"),
    accel: chooseAccel(await probe).accel,
    checks: results.map(({ found }) => found),
  };
}
