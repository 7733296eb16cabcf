import { BangerError } from "../../lib/errors.ts";
import type { FeatureState, KernelAbilities, KernelFeature } from "../../model/kernel.ts";
import type { LoadedModule, ModuleTree } from "./module-tree.ts";

export interface WantedModule {
  readonly name: string;
  /** Present if a guest cannot do without: the feature that it gives. */
  readonly required?: KernelFeature;
}

/**
 * What must be there before the root disk can be mounted and the agent be reached. What they depend on
 * (virtio_ring, virtio_pci_modern_dev, net_failover, jbd2, …) follows from the modules themselves.
 */
export const WANTED_MODULES: readonly WantedModule[] = [
  { name: "virtio_pci" },
  { name: "virtio_mmio" },
  { name: "virtio_blk", required: "virtioBlk" },
  { name: "virtio_console", required: "virtioConsole" },
  { name: "virtio_net" },
  { name: "virtio_rng" },
  { name: "virtio_balloon" },
  { name: "vmw_vsock_virtio_transport" },
  // ext4 asks for a crc32c by its algorithm's name, which only modprobe could resolve.
  { name: "crc32c_generic" },
  { name: "ext4", required: "ext4" },
];

/**
 * The modules to load at boot, in an order that honours their dependencies. The same tree always gives the same order.
 *
 * @param release the kernel's own: modules of another one would be refused by it.
 * @param features what the kernel's configuration says; it decides where the tree has no `modules.builtin`.
 * @throws BangerError `KERNEL_INVALID` if what a guest needs is neither in the kernel nor a module, or if the modules
 *         are another kernel's.
 */
export async function resolveBootModules(
  tree: ModuleTree,
  release: string,
  features: KernelAbilities["features"],
): Promise<LoadedModule[]> {
  const order: LoadedModule[] = [];
  const seen = new Set<string>();

  /** @param neededBy a module that cannot be loaded without this one. */
  const visit = async (name: string, neededBy: string | undefined): Promise<boolean> => {
    if (seen.has(name) || tree.isBuiltin(name)) return true;
    const module = await tree.load(name);
    if (module === undefined) {
      if (neededBy !== undefined) throw dependencyMissing(name, neededBy);
      return false;
    }
    if (module.info.release !== undefined && module.info.release !== release) {
      throw otherKernel(name, module.info.release, release);
    }
    // Marked before its dependencies: a circle must end.
    seen.add(name);
    for (const dependency of module.info.softDepends) await visit(dependency, undefined);
    for (const dependency of module.info.depends) await visit(dependency, name);
    order.push(module);
    return true;
  };

  for (const { name, required } of WANTED_MODULES) {
    const found = await visit(name, undefined);
    if (!found && required !== undefined) checkBuiltin(name, features?.[required]);
  }
  return order;
}

/** A kernel that does not tell its configuration gets the benefit of the doubt. */
function checkBuiltin(name: string, state: FeatureState | undefined): void {
  if (state === undefined || state === "builtin") return;
  throw new BangerError("KERNEL_INVALID", {
    what: `this kernel cannot run a VM without ${name}`,
    why:
      state === "module"
        ? "it has it as a module, which is not among the modules given"
        : "it was built without it, neither inside nor as a module",
    fix:
      state === "module"
        ? "give its modules too: `--modules /lib/modules/RELEASE`"
        : "use another kernel, like `banger kernel pull debian-cloud`",
  });
}

function dependencyMissing(name: string, neededBy: string): BangerError {
  return new BangerError("KERNEL_INVALID", {
    what: `the module ${neededBy} cannot be loaded`,
    why: `it depends on ${name}, which is neither among the modules nor in modules.builtin`,
    fix: "give a whole copy of /lib/modules/RELEASE, with its modules.builtin",
  });
}

function otherKernel(name: string, modules: string, kernel: string): BangerError {
  return new BangerError("KERNEL_INVALID", {
    what: "these modules are another kernel's",
    why: `${name} was built for ${modules}, the kernel is ${kernel}`,
    fix: `give the modules of ${kernel}`,
  });
}
