import { asBangerError, BangerError, toErrorBody } from "../../lib/errors.ts";
import type { ErrorCode } from "../../lib/error-codes.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { hostArch } from "../../kernel/host-arch.ts";
import {
  GENERIC_RECIPE,
  type CatalogKernel,
  type CatalogView,
  type KernelArchive,
  type KernelCatalog,
} from "../../model/kernel-catalog.ts";
import type { KernelContext } from "./kernel-context.ts";
import { readBuiltInCatalog, readCatalog, type TrustedCatalog } from "./read-catalog.ts";

/** A kernel that can be fetched. */
export interface ServedKernel {
  readonly from: TrustedCatalog;
  readonly kernel: CatalogKernel;
  readonly archive: KernelArchive;
}

/** What was found under a name: a place to fetch it from, a way to build it, or both. */
export interface FoundKernel {
  readonly served: ServedKernel | undefined;
  readonly buildable: boolean;
  /** Catalogs that did not answer, in words. */
  readonly silent: readonly string[];
}

/** Failures after which a catalog is not passed over in silence: somebody may be at work. */
const ALARMING: readonly ErrorCode[] = ["CATALOG_UNTRUSTED", "CATALOG_DOWNGRADED", "CATALOG_INVALID", "CONFIG_INVALID"];

/**
 * Looks for a kernel in the catalogs, the first that serves it wins. A catalog that does not answer is passed over; one
 * that is not what it should be ends the search.
 *
 * @throws BangerError `KERNEL_NOT_FOUND` where none lists it and all answered.
 */
export async function findKernel(
  context: KernelContext,
  name: string,
  operation: OperationContext,
): Promise<FoundKernel> {
  const { config } = context;
  const arch = hostArch();
  const isWanted = (kernel: CatalogKernel): boolean => kernel.name === name && kernel.arch === arch;
  const failures: BangerError[] = [];
  const buildable = (await readBuiltInCatalog(context)).kernels.find(isWanted)?.recipe === GENERIC_RECIPE;
  for (const configured of config.kernel_catalogs) {
    const step = { id: `catalog:${configured.url}`, label: `reading ${configured.url}` };
    operation.progress({ ...step, status: "running" });
    try {
      const from = await readCatalog(context, configured, operation.signal);
      const kernel = from.catalog.kernels.find(isWanted);
      operation.progress({ ...step, status: "done", note: kernel === undefined ? `no ${name}` : kernel.version });
      if (kernel?.archive !== undefined) {
        return { served: { from, kernel, archive: kernel.archive }, buildable, silent: failures.map((f) => f.message) };
      }
    } catch (error) {
      operation.signal.throwIfAborted();
      const failure = asBangerError(error);
      operation.progress({ ...step, status: "failed", note: failure.message });
      if (ALARMING.includes(failure.code)) throw failure;
      failures.push(failure);
    }
  }
  if (buildable) return { served: undefined, buildable, silent: failures.map((failure) => failure.message) };
  const [failure] = failures;
  throw failure ?? notListed(name, arch, config.kernel_catalogs.length);
}

/** Everything that the catalogs offer. One that cannot be read says why, beside those that can. */
export async function viewCatalogs(context: KernelContext, signal: AbortSignal): Promise<CatalogView[]> {
  const builtIn = await readBuiltInCatalog(context);
  const views = [view(context, "built-in", builtIn)];
  for (const configured of context.config.kernel_catalogs) {
    try {
      const { url, catalog } = await readCatalog(context, configured, signal);
      views.push(view(context, url, catalog));
    } catch (error) {
      signal.throwIfAborted();
      const { code, what, why, fix } = toErrorBody(error);
      views.push({ url: configured.url, error: { code, what, why, fix }, kernels: [] });
    }
  }
  return views;
}

function view({ store }: KernelContext, url: string, catalog: KernelCatalog): CatalogView {
  const pulled = store.kernels.list();
  return {
    url,
    serial: catalog.serial,
    issuedAt: catalog.issuedAt,
    kernels: catalog.kernels.map(({ name, version, arch, supports, archive, recipe }) => ({
      name,
      version,
      arch,
      supports,
      ...(archive !== undefined && { sizeBytes: archive.size }),
      buildable: recipe === GENERIC_RECIPE && url === "built-in",
      here: pulled
        .filter(({ source }) => source.kind === "catalog" && source.sha256 === archive?.sha256)
        .map((kernel) => kernel.name),
    })),
  };
}

function notListed(name: string, arch: string, configured: number): BangerError {
  return new BangerError("KERNEL_NOT_FOUND", {
    what: `no catalog lists a kernel ${JSON.stringify(name)} for ${arch}`,
    why: `neither banger's own nor the ${configured} of [[kernel_catalogs]] in config.toml`,
    fix: "see what there is with `banger kernel catalog`; Debian's is `banger kernel pull debian-cloud`",
  });
}
