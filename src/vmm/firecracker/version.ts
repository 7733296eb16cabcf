import { BangerError } from "../../lib/errors.ts";
import { aboutFields } from "../../model/fields/about-fields.ts";

/** A release of Firecracker, `1.16.1`; what follows a `-` (`1.17.0-dev`) counts as the release that it leads to. */
export interface FirecrackerVersion {
  readonly text: string;
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** The first that makes its log and metrics files itself, and whose API the requests of machine-plan.ts are for. */
const OLDEST_MINOR = 14;

/** @param said what `--version` prints: `Firecracker v1.16.1`, and lines of its log. */
export function parseVersion(said: string): FirecrackerVersion | undefined {
  const found = /^Firecracker v((\d+)\.(\d+)\.(\d+)\S*)/m.exec(said);
  if (found === null) return undefined;
  const [, text = "", major, minor, patch] = found;
  return { text, major: Number(major), minor: Number(minor), patch: Number(patch) };
}

/** Why a release is not driven, in words; undefined where it is. */
export function whyNot({ text, major, minor }: FirecrackerVersion): string | undefined {
  if (major === 1 && minor >= OLDEST_MINOR) return undefined;
  return `Firecracker ${text} is not driven: it has to be 1.${OLDEST_MINOR} or a later 1.x`;
}

/** What releases can do that others cannot: older ones refuse fields that they do not know, and some have defects. */
export interface FirecrackerFeatures {
  /**
   * Resumes a guest with its vsock whole. 1.16 holds back all that the host sends until the guest acknowledges a reset that
   * it was never told of, and may turn its event loop in a circle (its pull request 6100, issue 6074).
   */
  readonly resumesVsock: boolean;
}

export function featuresOf({ minor }: FirecrackerVersion): FirecrackerFeatures {
  return { resumesVsock: minor !== 16 };
}

/** What pausing is answered with where the guest could not be talked to afterwards. */
export function cannotPause(version: string): BangerError {
  return new BangerError("VMM_CANNOT", {
    what: `Firecracker ${version} cannot pause a VM`,
    why: "when it resumes, the line to the agent is dead: a defect of 1.16 that later releases do not have",
    fix: "use Firecracker 1.15 or 1.17, or create the VM with `vmm` qemu",
    data: aboutFields("vmm"),
  });
}
