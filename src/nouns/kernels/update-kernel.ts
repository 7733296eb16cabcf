import { compareDebianVersions } from "../../kernel/debian/debian-version.ts";
import type { Kernel } from "../../model/kernel.ts";
import type { KernelStore } from "./kernel-store.ts";

/** Ends a pull before anything is fetched: what is offered is here already. Never leaves this folder. */
export class KernelIsCurrent extends Error {
  override readonly name = "KernelIsCurrent";
}

/** Whether pulling `source` again means a newer version of this kernel: it came from there, and is no image's own. */
export function isUpdatable({ source: from, owner }: Kernel, source: string): boolean {
  if (owner !== undefined) return false;
  return source === "debian-cloud" ? from.kind === "debian" : from.kind === "catalog" && from.kernel === source;
}

/**
 * Holds what is offered against the kernel that is here. A mirror that lags behind offers no update; a catalog never goes
 * back, so what it offers is what it means.
 *
 * @throws KernelIsCurrent
 */
export function refuseCurrent(existing: Kernel | undefined, offered: { version: string; sha256: string }): void {
  const source = existing?.source;
  if (source === undefined || !("version" in source)) return;
  const isOlder = source.kind === "debian" && compareDebianVersions(offered.version, source.version) < 0;
  if (isOlder || source.sha256 === offered.sha256) throw new KernelIsCurrent(source.version);
}

/**
 * Gives a kernel the name that an earlier version has had. That one is called by its version from now on, and the images
 * that boot it go on with it, until they are refreshed; VMs know their kernel by its id.
 */
export function takeName(store: KernelStore, earlier: Kernel, kernel: Kernel): void {
  store.atomically(() => {
    const name = earlierName(store, earlier);
    for (const image of store.images.list()) {
      if (image.kernel === earlier.name) store.images.transition(image.id, "kernel-changed", { kernel: name });
    }
    store.kernels.transition(earlier.id, "renamed", { name, formerName: earlier.name });
    store.kernels.insert(kernel);
  });
}

/** The name that a newer version of this kernel has taken; undefined where there is none. */
export function newerName(store: KernelStore, name: string): string | undefined {
  const formerName = store.kernels.find(name)?.formerName;
  return formerName !== undefined && store.kernels.find(formerName) !== undefined ? formerName : undefined;
}

const MAX_NAME = 128;

/** `debian-cloud-6.1.153-1`. */
function earlierName(store: KernelStore, { id, name, release, source }: Kernel): string {
  const version = ("version" in source ? source.version : release)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+|\.{2,}/g, "-")
    .replace(/^[._-]+|[._-]+$/g, "");
  const full = `${name}-${version}`.slice(0, MAX_NAME).replace(/[._-]+$/, "");
  return store.kernels.find(full) === undefined ? full : `${name.slice(0, 100)}-${id.slice(4)}`;
}
