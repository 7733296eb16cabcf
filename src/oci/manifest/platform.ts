import { BangerError } from "../../lib/errors.ts";
import type { Descriptor } from "./manifest.ts";

/** What an image is built for, in Go's words (GOOS, GOARCH, GOARM). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

/** The platform that VMs on this host run. */
export function hostPlatform(): Platform {
  const names: Partial<Record<NodeJS.Architecture, Platform>> = {
    x64: { os: "linux", architecture: "amd64" },
    arm64: { os: "linux", architecture: "arm64", variant: "v8" },
  };
  return names[process.arch] ?? { os: "linux", architecture: process.arch };
}

/** A platform as an image tells it. What is left empty, as tools do that know no base, counts as this host's, as for Docker. */
export function orHost(told: {
  readonly os?: string | null | undefined;
  readonly architecture?: string | null | undefined;
  readonly variant?: string | undefined;
}): Platform {
  const host = hostPlatform();
  const os = told.os || host.os;
  const architecture = told.architecture || host.architecture;
  return { os, architecture, variant: told.variant };
}

/**
 * Picks the image for a platform: an exact variant before one that says none; among equals the first.
 *
 * @throws BangerError `PLATFORM_MISSING`, naming those that there are.
 */
export function choosePlatform(manifests: readonly Descriptor[], wanted: Platform): Descriptor {
  const images = manifests.filter((m) => !isAttestation(m));
  const matching = images.filter((m) => m.platform === undefined || fits(m.platform, wanted));
  const best =
    matching.find((m) => m.platform !== undefined && variantOf(m.platform) === variantOf(wanted)) ??
    matching.find((m) => m.platform !== undefined && m.platform.variant === undefined) ??
    matching.find((m) => m.platform === undefined);
  if (best !== undefined) return best;
  const found = images.map((m) => (m.platform === undefined ? "unknown" : formatPlatform(m.platform)));
  throw missing(wanted, [...new Set(found)]);
}

/**
 * Checks what an image says of itself, where no index has said it before.
 *
 * @throws BangerError `PLATFORM_MISSING`.
 */
export function checkPlatform(found: Platform, wanted: Platform): void {
  if (!fits(found, wanted)) throw missing(wanted, [formatPlatform(found)]);
}

function missing(wanted: Platform, found: readonly string[]): BangerError {
  return new BangerError("PLATFORM_MISSING", {
    what: `the image is not built for ${formatPlatform(wanted)}`,
    why: found.length === 0 ? "its index is empty" : `it is built for ${found.slice(0, 20).join(", ")}`,
    fix: "choose an image or a tag that is built for this platform",
  });
}

export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return `${os}/${architecture}${variant === undefined ? "" : `/${variant}`}`;
}

function fits(offered: Platform, wanted: Platform): boolean {
  const { os, architecture } = orHost(offered);
  return os === wanted.os && architecture === wanted.architecture;
}

/** arm64 and amd64 have a variant that goes without saying. */
function variantOf(platform: Platform): string | undefined {
  if (platform.variant !== undefined && platform.variant !== "") return platform.variant;
  return { arm64: "v8", amd64: "v1" }[platform.architecture];
}

/** BuildKit puts provenance and SBOMs into the index under the platform unknown/unknown. */
function isAttestation(descriptor: Descriptor): boolean {
  return (
    descriptor.platform?.os === "unknown" ||
    descriptor.annotations?.["vnd.docker.reference.type"] === "attestation-manifest"
  );
}
