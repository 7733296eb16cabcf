import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { BangerError } from "../lib/errors.ts";
import type { OperationContext } from "../lib/progress.ts";
import type { KernelArch, KernelContents } from "../model/kernel.ts";
import { invalidArchive } from "../formats/byte-reader.ts";
import { readAptSources } from "./debian/apt-sources.ts";
import { extractDeb } from "../formats/deb/deb.ts";
import {
  isSupplement,
  planArchives,
  readHostRelease,
  type ArchiveChoice,
  type DebianArchive,
} from "./debian/debian-archives.ts";
import { packageMissing, readIndex, type OfferedPackage } from "./debian/debian-index.ts";
import { download } from "./debian/download.ts";
import { KERNEL_PACKAGE_PREFIX, resolveKernelPackage } from "./debian/kernel-package.ts";
import { pruneDownloads } from "../http/prune-downloads.ts";
import { hostArch } from "./host-arch.ts";
import { completeKernelFolder, KERNEL_FOLDER, probeImage } from "./kernel-folder.ts";
import { reporting } from "../lib/reporting.ts";

export interface PullDebianOptions extends ArchiveChoice {
  /** Downloads are kept here, by their sha256. */
  readonly cacheDir: string;
  /** The host's own where absent. */
  readonly arch?: KernelArch;
  /** Is told of the package before it is fetched; what this throws ends the pull. */
  readonly check?: (offered: { readonly version: string; readonly sha256: string }) => void;
  /** Where the host's file system begins, and what time it is: for tests. */
  readonly hostRoot?: string;
  readonly now?: Date;
}

/** A Debian kernel package is some 25 MB; the larger flavours 70 MB. */
const MAX_PACKAGE_BYTES = 512 * 1024 ** 2;

/**
 * Gets Debian's newest cloud kernel from the mirror that the host uses, verified down the chain that apt uses:
 * signed Release, index, package.
 *
 * @param targetDir an empty folder; its content is worth nothing if this fails.
 * @throws BangerError `MIRROR_FAILED`, `MIRROR_UNTRUSTED`, `DIGEST_MISMATCH`, `SIZE_MISMATCH`, `ARCHIVE_INVALID`,
 *         `KERNEL_INVALID`.
 */
export async function pullDebianKernel(
  options: PullDebianOptions,
  targetDir: string,
  context: OperationContext,
): Promise<KernelContents> {
  const arch = options.arch ?? hostArch();
  const host = { release: await readHostRelease(options.hostRoot), sources: await readAptSources(options.hostRoot) };
  const archives = planArchives(host, options, arch);
  const chosen = await choosePackage(archives, arch, options, context);
  if (chosen.sizeBytes > MAX_PACKAGE_BYTES) throw packageTooLarge(chosen);
  options.check?.(chosen);

  const deb = await download(
    {
      label: `${chosen.name} ${chosen.version}`,
      urls: [`${chosen.archive.mirror}/${chosen.filename}`],
      sizeBytes: chosen.sizeBytes,
      sha256: chosen.sha256,
    },
    options.cacheDir,
    context,
  );
  const written = await reporting(context.progress, { id: "unpack", label: `unpacking ${chosen.name}` }, (onBytes) =>
    extractDeb(deb, { targetDir, place: placeOfFile, signal: context.signal, onBytes }),
  );
  for (const part of [KERNEL_FOLDER.image, KERNEL_FOLDER.config]) {
    if (!written.includes(part)) throw invalidArchive(chosen.name, `the package holds no ${part}`);
  }
  await pruneDownloads(options.cacheDir, new Date());
  return await reporting(context.progress, { id: "prepare", label: "preparing the kernel" }, async () => {
    const probe = await probeImage(targetDir, context.signal);
    const { mirror, suite } = chosen.archive;
    const { name, version, sha256 } = chosen;
    return await completeKernelFolder(
      targetDir,
      {
        source: { kind: "debian", mirror, suite, package: name, version, sha256 },
        probe,
        config: await readFile(join(targetDir, KERNEL_FOLDER.config), "utf8"),
        hasInitrd: false,
        hasModules: true,
      },
      context.signal,
    );
  });
}

async function choosePackage(
  archives: readonly DebianArchive[],
  arch: KernelArch,
  options: PullDebianOptions,
  context: OperationContext,
): Promise<OfferedPackage> {
  const index = { arch, cacheDir: options.cacheDir, now: options.now ?? new Date() };
  const used: DebianArchive[] = [];
  const offered: OfferedPackage[] = [];
  for (const archive of archives) {
    const found = await readIndex(archive, KERNEL_PACKAGE_PREFIX, index, context).catch((error: unknown) => {
      if (isSupplement(archive) && isOutOfDate(error)) return undefined;
      throw error;
    });
    if (found === undefined) continue;
    used.push(archive);
    offered.push(...found);
  }
  const chosen = resolveKernelPackage(offered, arch);
  if (typeof chosen === "string") throw packageMissing(chosen, used);
  return chosen;
}

/** A mirror that is behind or away; one that was tampered with is another matter. Progress has told of it. */
function isOutOfDate(error: unknown): boolean {
  if (!(error instanceof BangerError)) return false;
  return error.code === "MIRROR_FAILED" || (error.code === "MIRROR_UNTRUSTED" && error.data["expired"] === true);
}

/** Where the files of a kernel package go; since Debian 13 its modules lie below /usr. */
function placeOfFile(path: string): string | undefined {
  if (/^boot\/vmlinuz-[^/]+$/.test(path)) return KERNEL_FOLDER.image;
  if (/^boot\/config-[^/]+$/.test(path)) return KERNEL_FOLDER.config;
  const module = /^(?:usr\/)?lib\/modules\/[^/]+\/(.+)$/.exec(path)?.[1];
  return module === undefined ? undefined : `${KERNEL_FOLDER.modules}/${module}`;
}

function packageTooLarge(chosen: OfferedPackage): BangerError {
  return new BangerError("MIRROR_UNTRUSTED", {
    what: `${chosen.name} is not downloaded`,
    why: `it is larger than ${MAX_PACKAGE_BYTES} bytes`,
    fix: "try another mirror (`debian_mirror` in config.toml)",
  });
}
