import { BangerError } from "../../lib/errors.ts";
import { GENERIC_RECIPE } from "../../model/kernel-catalog.ts";
import type { KernelContext } from "./kernel-context.ts";
import { readBuiltInCatalog } from "./read-catalog.ts";

/** @throws BangerError `KERNEL_NOT_FOUND` where banger does not know how a kernel of this name is built. */
export async function requireRecipe(context: KernelContext, name: string): Promise<void> {
  const known = (await readBuiltInCatalog(context)).kernels.filter((kernel) => kernel.recipe === GENERIC_RECIPE);
  if (known.some((kernel) => kernel.name === name)) return;
  throw new BangerError("KERNEL_NOT_FOUND", {
    what: `banger does not know how to build ${JSON.stringify(name)}`,
    why: `it knows ${known.map((kernel) => kernel.name).join(", ")}`,
    fix: `build it from a configuration of yours: banger kernel build ${name} --config FILE`,
  });
}

/**
 * The error for a kernel that is listed and that nobody serves.
 *
 * @param silent catalogs that did not answer, in words.
 */
export function notServed(name: string, configured: number, silent: readonly string[]): BangerError {
  const others = configured === 0 ? "no [[kernel_catalogs]] are configured" : `nor do the ${configured} configured`;
  return new BangerError("KERNEL_NOT_SERVED", {
    what: `no catalog serves ${name}`,
    why: [`banger's own lists it without a place to fetch it from, and ${others}`, ...silent].join("; "),
    fix: `build it, which takes a quarter of an hour once: banger kernel pull --build ${name}`,
  });
}
