import { createHash } from "node:crypto";
import { access, constants, mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { removeTree } from "../lib/destroy.ts";
import { hasErrno } from "../lib/errors.ts";
import { findExecutable } from "../lib/find-executable.ts";
import type { KvmProbe } from "../model/doctor.ts";
import type { Accel } from "../model/vm.ts";
import { KVM_PROBE_GUEST, KVM_PROBE_STEPS } from "./kvm-probe-guest.ts";
import { runProbeGuest, type ProbeRun } from "./run-probe-guest.ts";

/** A guest on hardware is done in a tenth of a second, most of which is QEMU's start. */
const LIMIT_MS = 3_000;

const KVM_DEVICE = "/dev/kvm";

/** Where QEMU is looked for: `qemu_bin` of the configuration, else in these folders. */
export interface QemuPlace {
  readonly qemuBin?: string;
  readonly searchPath?: string;
}

/**
 * Names all that a probe's answer depends on: this boot of the host, QEMU's file, whether the device may be opened,
 * and the probe itself.
 */
export async function kvmProbeKey(place: QemuPlace): Promise<string> {
  const [bootId, binary, opens] = await Promise.all([
    readFile("/proc/sys/kernel/random/boot_id", "utf8"),
    findQemu(place),
    whyClosed(),
  ]);
  const file = binary === undefined ? undefined : await stat(binary);
  const facts = [bootId.trim(), binary ?? "", file?.size ?? 0, file?.mtimeMs ?? 0, opens ?? "opens"];
  return createHash("sha256").update(facts.join("\n")).update(KVM_PROBE_GUEST).digest("hex").slice(0, 32);
}

/**
 * Finds out whether KVM runs a guest, by running one. It has a look at nothing else: a device that opens, and answers
 * ioctls, may still hang every kernel. Takes at most about three seconds, a tenth of one where KVM works.
 */
export async function probeKvm(place: QemuPlace, signal?: AbortSignal): Promise<KvmProbe> {
  const startedAt = performance.now();
  const key = await kvmProbeKey(place);
  const found = await probe(place, signal);
  return { key, ...found, tookMs: Math.round(performance.now() - startedAt) };
}

type Finding = Omit<KvmProbe, "key" | "tookMs">;

async function probe(place: QemuPlace, signal: AbortSignal | undefined): Promise<Finding> {
  const closed = await whyClosed();
  if (closed !== undefined) return { works: false, opens: false, summary: closed };
  const binary = await findQemu(place);
  if (binary === undefined)
    return { works: false, opens: true, summary: "KVM opens, but there is no QEMU to try it with" };
  return describeRun(await probeAccel(binary, "kvm", LIMIT_MS, signal));
}

/** Runs the probe guest once under an accelerator, in a temporary folder of its own. */
export async function probeAccel(
  binary: string,
  accel: Accel,
  limitMs: number,
  signal?: AbortSignal,
): Promise<ProbeRun> {
  const folder = await mkdtemp(join(tmpdir(), "banger-kvm-probe-"));
  try {
    const guest = join(folder, "guest.elf");
    await writeFile(guest, KVM_PROBE_GUEST, { flag: "wx" });
    return await runProbeGuest(binary, guest, accel, limitMs, signal);
  } finally {
    await removeTree(dirname(resolve(folder)), basename(folder), "made by this call, with a random name");
  }
}

/** What a run under KVM says of KVM. */
export function describeRun(run: ProbeRun): Finding {
  if (run.finished) return { works: true, opens: true, summary: "KVM runs guests" };
  const stoppedAt = KVM_PROBE_STEPS[run.lastStep ?? ""];
  const where = stoppedAt === undefined ? "it never began" : `it stopped at ${stoppedAt}`;
  const said = run.said === "" ? "" : ` (QEMU: ${run.said})`;
  return {
    works: false,
    opens: true,
    summary: `KVM opens but does not run a guest: ${where}${said}`,
    ...(stoppedAt !== undefined && { stoppedAt }),
  };
}

/** Why the device cannot be opened; undefined when it can. */
async function whyClosed(): Promise<string | undefined> {
  try {
    await access(KVM_DEVICE, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return hasErrno(error, "ENOENT") ? `there is no ${KVM_DEVICE}` : `this user may not open ${KVM_DEVICE}`;
  }
}

function findQemu({ qemuBin, searchPath }: QemuPlace): Promise<string | undefined> {
  return findExecutable(qemuBin ?? "qemu-system-x86_64", searchPath);
}
