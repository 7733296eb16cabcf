import type { OperationContext } from "../../../lib/progress.ts";
import type { ImageContext } from "../image-context.ts";

/**
 * The name of the kernel that is wanted, or of the default one, which is pulled when it is not there yet: it is what a
 * first `run` needs.
 *
 * @throws BangerError `KERNEL_NOT_FOUND`.
 */
export async function ensureKernel(
  { store, config, kernels }: ImageContext,
  wanted: string | undefined,
  operation: OperationContext,
): Promise<string> {
  const name = wanted ?? config.default_kernel;
  const found = store.kernels.find(name);
  if (found !== undefined) return found.name;
  if (wanted !== undefined) return store.kernels.get(name).name;
  return (await kernels.pull({ source: name, build: false }, operation)).name;
}
