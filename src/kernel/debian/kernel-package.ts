import { compareDebianVersions } from "./debian-version.ts";
import type { OfferedPackage } from "./debian-index.ts";

/** What the names of Debian's kernel packages begin with; the only stanzas of an index that matter here. */
export const KERNEL_PACKAGE_PREFIX = "linux-image-";

/** The package that always depends on the newest cloud kernel. */
export function metaPackageName(arch: string): string {
  return `${KERNEL_PACKAGE_PREFIX}cloud-${arch}`;
}

/**
 * The kernel package that apt would install for `linux-image-cloud-ARCH`: what its highest version depends on.
 *
 * @returns the package, or the name of the one that is missing.
 */
export function resolveKernelPackage(offered: readonly OfferedPackage[], arch: string): OfferedPackage | string {
  const metaName = metaPackageName(arch);
  const meta = highest(offered.filter((p) => p.name === metaName));
  if (meta === undefined) return metaName;
  // `linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)`
  const match = /^(linux-image-\d[\w.+-]*)(?: \(= ([^)]+)\))?/.exec(meta.depends);
  const name = match?.[1] ?? `a kernel that ${metaName} depends on`;
  const version = match?.[2];
  const found = highest(offered.filter((p) => p.name === name && (version === undefined || p.version === version)));
  return found ?? name;
}

function highest(offered: readonly OfferedPackage[]): OfferedPackage | undefined {
  return offered.reduce<OfferedPackage | undefined>(
    (best, next) => (best === undefined || compareDebianVersions(next.version, best.version) > 0 ? next : best),
    undefined,
  );
}
