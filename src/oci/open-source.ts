import { resolve } from "node:path";
import { openDockerArchiveSource } from "./source/docker-archive-source.ts";
import { FolderFiles, type FileSet } from "./source/file-set.ts";
import type { ImageSource } from "./source/image-source.ts";
import { openLayoutSource } from "./source/layout-source.ts";
import type { ImageReference } from "./source/reference.ts";
import type { RegistryOptions } from "./registry/registry-options.ts";
import { openRegistrySource } from "./registry/registry-source.ts";
import { openTarFiles } from "./source/tar-files.ts";

/**
 * Opens where a reference leads. Nothing is asked of a registry yet.
 *
 * @throws BangerError `ARCHIVE_INVALID`, `FILE_UNREADABLE`, `MANIFEST_NOT_FOUND` for what lies on this host.
 */
export async function openImageSource(
  reference: ImageReference,
  signal: AbortSignal,
  registry: Partial<RegistryOptions> = {},
): Promise<ImageSource> {
  if (reference.kind === "registry") return openRegistrySource(reference, registry);
  const files: FileSet =
    reference.kind === "oci" ? new FolderFiles(resolve(reference.path)) : await openTarFiles(reference.path, signal);
  try {
    const open = reference.kind === "docker-archive" ? openDockerArchiveSource : openLayoutSource;
    return await open(files, reference.name, signal);
  } catch (error) {
    await files[Symbol.asyncDispose]();
    throw error;
  }
}
