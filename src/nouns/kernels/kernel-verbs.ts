import { join } from "node:path";
import { removeTree } from "../../lib/destroy.ts";
import { isId, newId } from "../../lib/ids.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { importKernel } from "../../kernel/import-kernel.ts";
import { ensureInitramfs } from "../../kernel/initramfs.ts";
import { pullDebianKernel, type PullDebianOptions } from "../../kernel/pull-debian.ts";
import type { Kernel, KernelContents, KernelFiles, KernelFormat } from "../../model/kernel.ts";
import type { CatalogView } from "../../model/kernel-catalog.ts";
import { buildKernel, type KernelBuild } from "./build-kernel.ts";
import { findKernel, viewCatalogs } from "./catalogs.ts";
import { fetchKernel } from "./fetch-archive.ts";
import type { KernelContext } from "./kernel-context.ts";
import { ensureModulesDisk } from "./modules-disk.ts";
import { notServed, requireRecipe } from "./kernel-recipe.ts";
import { isUpdatable, KernelIsCurrent, refuseCurrent, takeName } from "./update-kernel.ts";
import { withIntent } from "../../core/intents.ts";
import { KERNEL_ADD, KERNEL_DELETE } from "./settle-kernels.ts";
import type { BrokenObject } from "../../core/rows.ts";
import { isKernelHeld, refuseIfUsed } from "./kernel-users.ts";
import type { BootKernel } from "../../vmm/abilities.ts";
import { publish, stage, unpublish } from "../../core/places.ts";

/** All verbs on kernels. */
export interface KernelVerbs {
  list(): readonly Kernel[];
  inspect(ref: string): Kernel;
  /** What the catalogs offer. */
  catalogs(signal: AbortSignal): Promise<readonly CatalogView[]>;
  /** Gets a kernel, or a newer version of the one that came from there: that one's name moves on to it. */
  pull(request: KernelPull, context: OperationContext): Promise<Kernel>;
  build(request: KernelBuildRequest, context: OperationContext): Promise<Kernel>;
  import(request: KernelImport, context: OperationContext): Promise<Kernel>;
  /** Keeps a kernel whose files `make` puts into an empty folder. @param owner the image that it goes with. */
  add(name: string, make: (target: string) => Promise<KernelContents>, owner?: string): Promise<Kernel>;
  /** @param force even if its record cannot be read. */
  delete(ref: string, force?: boolean): Promise<void>;
  broken(): readonly BrokenObject[];
  /** Where a kernel's files lie. */
  folder(kernel: Kernel): string;
  /** What a driver needs to boot it, its initramfs made anew where the agent changed. */
  bootable(ref: string, signal: AbortSignal): Promise<BootableKernel>;
}

export interface BootableKernel extends Omit<BootKernel, "commandLine"> {
  /** Read-only disk with the modules of a kernel that has some. */
  readonly modulesDisk?: string;
}

export interface KernelPull {
  /** `debian-cloud`, or a name that a catalog lists. */
  readonly source: string;
  /** What to call it; as its source where absent. */
  readonly name?: string | undefined;
  /** Build it where nobody serves it. */
  readonly build: boolean;
}

export interface KernelBuildRequest extends KernelBuild {
  readonly name: string;
}

export interface KernelImport {
  readonly name: string;
  readonly vmlinux: string;
  readonly initrd?: string | undefined;
  readonly modules?: string | undefined;
  /** Id of the image that it goes with. */
  readonly owner?: string;
}

type MakeKernel = (target: string) => Promise<KernelContents>;

export function kernelVerbs(context: KernelContext): KernelVerbs {
  const { layout, config, store, agentPath } = context;
  const folder = (id: string): string => join(layout.kernelsDir, id);

  /**
   * Makes a kernel's files in a folder of their own, and gives it its row once they stand in place.
   *
   * @param earlier the kernel that gives up its name then.
   * @param owner the image that it goes with, from its first moment on: nobody else would remove it.
   */
  async function add(name: string, make: MakeKernel, earlier?: Kernel, owner?: string): Promise<Kernel> {
    if (earlier === undefined) store.kernels.checkFree(name);
    const id = newId("krn");
    return withIntent(
      store.intents,
      KERNEL_ADD,
      id,
      async () => {
        const work = await stage(layout, id);
        const contents = await make(work);
        await modulesDiskOf(work, contents.files, new AbortController().signal);
        await publish(layout, id, layout.kernelsDir);
        const kernel: Kernel = { id, name, createdAt: new Date().toISOString(), ...contents, ...(owner && { owner }) };
        // It may have gone, or got another name, meanwhile.
        const named = earlier && store.kernels.find(name);
        if (named?.id === earlier?.id && named !== undefined) takeName(store, named, kernel);
        else store.kernels.insert(kernel);
        return kernel;
      },
      () => unpublish(layout, id, layout.kernelsDir),
    );
  }

  const pullDebian = (
    target: string,
    operation: OperationContext,
    check: NonNullable<PullDebianOptions["check"]>,
  ): Promise<KernelContents> =>
    pullDebianKernel(
      {
        cacheDir: join(layout.cacheDir, "debian"),
        check,
        ...(config.debian_mirror !== undefined && { mirror: config.debian_mirror }),
        ...(config.debian_suite !== undefined && { suite: config.debian_suite }),
      },
      target,
      operation,
    );

  async function pullNew(
    { source, name = source, build }: KernelPull,
    earlier: Kernel | undefined,
    operation: OperationContext,
  ): Promise<Kernel> {
    const put = (make: MakeKernel): Promise<Kernel> => add(name, make, earlier);
    if (source === "debian-cloud") {
      return put((target) => pullDebian(target, operation, (offered) => refuseCurrent(earlier, offered)));
    }
    const { served, buildable, silent } = await findKernel(context, source, operation);
    if (served !== undefined) {
      refuseCurrent(earlier, { version: served.kernel.version, sha256: served.archive.sha256 });
      return put((target) => fetchKernel(context, served, target, operation));
    }
    if (!build || !buildable) throw notServed(source, config.kernel_catalogs.length, silent);
    return put((target) => buildKernel(context, {}, target, operation));
  }

  async function remove(ref: string, force = false): Promise<void> {
    const kernel = (force ? store.kernels.findBroken(ref) : undefined) ?? store.kernels.get(ref);
    refuseIfUsed(store, kernel);
    const intent = store.intents.begin(KERNEL_DELETE, kernel.id);
    store.kernels.delete(kernel.id);
    if (isId(kernel.id))
      await removeTree(
        layout.kernelsDir,
        kernel.id,
        "asked for by kernel delete, or replaced by kernel pull; nothing uses it",
      );
    store.intents.end(intent);
  }

  return {
    list: () => store.kernels.list(),
    inspect: (ref) => store.kernels.get(ref),
    catalogs: (signal) => viewCatalogs(context, signal),
    async pull(request, operation) {
      const name = request.name ?? request.source;
      const earlier = store.kernels.find(name);
      if (earlier === undefined || !isUpdatable(earlier, request.source)) store.kernels.checkFree(name);
      const step = { id: "kernel", label: `kernel ${name}`, status: "done" } as const;
      try {
        const kernel = await pullNew(request, earlier, operation);
        const kept = earlier && store.kernels.find(earlier.id);
        if (kept === undefined) return kernel;
        // An update that nobody has to wait for leaves nothing to clean up.
        const isHeld = isKernelHeld(store, kept);
        if (!isHeld) await remove(kept.id);
        operation.progress({ ...step, note: isHeld ? `the one before is ${kept.name} now` : "the one before is gone" });
        return kernel;
      } catch (error) {
        if (!(error instanceof KernelIsCurrent) || earlier === undefined) throw error;
        operation.progress({ ...step, note: `${error.message} is current` });
        return earlier;
      }
    },
    async build({ name, ...build }, operation) {
      store.kernels.checkFree(name);
      if (build.config === undefined) await requireRecipe(context, name);
      return add(name, (target) => buildKernel(context, build, target, operation));
    },
    import({ name, vmlinux, initrd, modules, owner }, operation) {
      const files = { vmlinux, ...(initrd !== undefined && { initrd }), ...(modules !== undefined && { modules }) };
      return add(name, (target) => importKernel(files, target, operation), undefined, owner);
    },
    add: (name, make, owner) => add(name, make, undefined, owner),
    folder: (kernel) => folder(kernel.id),
    broken: () => store.kernels.broken(),
    delete: remove,
    async bootable(ref, signal) {
      const kernel = store.kernels.get(ref);
      const at = folder(kernel.id);
      const boot = bootFile(kernel);
      const { initrd, bootModules } = kernel.files;
      // A kernel that an older banger has pulled has none yet.
      const modulesDisk = await modulesDiskOf(at, kernel.files, signal);
      const image = {
        path: join(at, boot.path),
        format: boot.format,
        microvm: boot.microvm,
        mmioElf: boot.mmioElf,
        ...knownOf(kernel),
        ...(modulesDisk !== undefined && { modulesDisk }),
      };
      if (initrd !== undefined) return { ...image, initrdPath: join(at, initrd) };
      if (bootModules === undefined) return image;
      const initramfs = await ensureInitramfs(at, bootModules, agentPath, signal);
      return { ...image, initrdPath: initramfs.path };
    },
  };
}

/** The disk of its modules, made where it is not there yet; undefined for a kernel without any. */
async function modulesDiskOf(at: string, files: KernelFiles, signal: AbortSignal): Promise<string | undefined> {
  const { modules, config } = files;
  if (modules === undefined) return undefined;
  return await ensureModulesDisk(at, { modules, ...(config !== undefined && { config }) }, signal);
}

/** The file a VMM is given. An ELF that can be entered by PVH is quicker than a bzImage, which unpacks itself first. */
export function bootFile({ files, abilities }: Pick<Kernel, "files" | "abilities">): {
  path: string;
  format: KernelFormat;
  microvm: boolean;
  mmioElf: boolean;
} {
  const { image, vmlinux } = files;
  const { pvh, virtioMmioCmdline } = abilities;
  const file = vmlinux !== undefined && pvh ? { path: vmlinux, format: "elf" as const } : image;
  const mmioElf = file.format === "elf" && virtioMmioCmdline;
  return { ...file, mmioElf, microvm: mmioElf && pvh };
}

/** What its configuration says; nothing where it tells nobody. */
function knownOf({ abilities, files }: Kernel): Pick<BootKernel, "vsock" | "mpTable" | "pci"> {
  const { virtioVsock, mpTable, virtioPci } = abilities.features ?? {};
  const loaded = files.bootModules?.modules.some((module) => module.includes("vmw_vsock_virtio_transport")) ?? false;
  return {
    // By the time its agent starts.
    ...(virtioVsock !== undefined && { vsock: virtioVsock === "builtin" || (loaded && files.initrd === undefined) }),
    ...(mpTable !== undefined && { mpTable: mpTable === "builtin" }),
    ...(virtioPci !== undefined && { pci: virtioPci !== "absent" }),
  };
}
