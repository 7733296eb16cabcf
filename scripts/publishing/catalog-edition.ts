import type { Kernel } from "../../src/model/kernel.ts";
import {
  CATALOG_VERSION,
  type CatalogKernel,
  type KernelCatalog,
  type KernelSupport,
} from "../../src/model/kernel-catalog.ts";

/** Where the schema of catalogs is had. */
const SCHEMA = "catalog.schema.json";

/**
 * The next edition of a catalog: with this kernel, in place of one of its name and architecture. The others stay.
 *
 * Serials are like those of DNS zones, a date and two digits: even a catalog that was lost and begun anew goes forward.
 */
export function nextEdition(previous: KernelCatalog | undefined, kernel: CatalogKernel, now: Date): KernelCatalog {
  const others = (previous?.kernels ?? []).filter(({ name, arch }) => name !== kernel.name || arch !== kernel.arch);
  const today = Number(now.toISOString().slice(0, 10).replaceAll("-", "")) * 100;
  return {
    $schema: SCHEMA,
    version: CATALOG_VERSION,
    serial: Math.max(today, (previous?.serial ?? 0) + 1),
    issuedAt: now.toISOString(),
    kernels: [...others, kernel].toSorted((a, b) => (`${a.name} ${a.arch}` < `${b.name} ${b.arch}` ? -1 : 1)),
  };
}

/** What a catalog says of a kernel, out of what banger found when it looked at it. */
export function supportOf({ abilities, files }: Pick<Kernel, "abilities" | "files">): KernelSupport {
  const features = Object.entries(abilities.features ?? {}).flatMap(([name, state]) =>
    state === "absent" ? [] : [name],
  );
  const isElf = files.image.format === "elf" || files.vmlinux !== undefined;
  return {
    // Firecracker takes a bare ELF file for x86-64, and gives its devices by virtio-mmio.
    vmm: [...(isElf && features.includes("virtioMmio") ? ["firecracker"] : []), "qemu"],
    microvm: isElf && abilities.pvh && abilities.virtioMmioCmdline,
    features,
  };
}

/** Upstream's version in a release: `6.12.117-generic` → `6.12.117`. */
export function upstreamVersion(release: string): string {
  return /^\d+(?:\.\d+)*/.exec(release)?.[0] ?? release;
}
