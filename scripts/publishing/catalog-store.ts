import { createReadStream } from "node:fs";
import { copyFile, mkdir, rename } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { BangerError } from "../../src/lib/errors.ts";
import { writeFileAtomic } from "../../src/lib/files.ts";
import type { OperationContext } from "../../src/lib/progress.ts";
import { SIGNATURE_SUFFIX } from "../../src/kernel/catalog/catalog.ts";
import { fileOf, planArtefact } from "../../src/oci/push/artefact.ts";
import { digestOfHex } from "../../src/oci/manifest/digest.ts";
import { pushImage } from "../../src/oci/push/push-image.ts";
import type { RegistryReference } from "../../src/oci/source/reference.ts";
import type { RegistryOptions } from "../../src/oci/registry/registry-options.ts";
import { catalogPlace } from "../../src/nouns/kernels/catalog-place.ts";
import { CATALOG_ARTEFACT, CATALOG_FILE, fetchSigned } from "../../src/nouns/kernels/read-catalog.ts";
import type { PackedKernel } from "./pack-kernel.ts";

const KERNEL_ARTEFACT = "application/vnd.banger.kernel.v1";
const ARCHIVE_TYPE = "application/vnd.banger.kernel.v1.tar+zstd";

export interface SignedText {
  readonly data: Buffer;
  readonly signature: string;
}

/** Where kernels and their catalog are published. */
export interface CatalogStore {
  /** What users write into `[[kernel_catalogs]]`, as far as it is known here. */
  readonly url: string;
  /** The catalog as it is there, not believed yet; undefined where there is none. */
  current(): Promise<SignedText | undefined>;
  /** @returns how the catalog names the place. */
  putArchive(archive: PackedKernel, tag: string): Promise<string>;
  putCatalog(catalog: SignedText): Promise<void>;
}

/** A folder that any web server can serve: its catalog names archives by paths relative to itself. */
export function folderStore(folder: string): CatalogStore {
  const path = join(resolve(folder), CATALOG_FILE);
  const url = `file://${path}`;
  const signal = new AbortController().signal;
  return {
    url,
    current: () =>
      absentIf("FILE_UNREADABLE", async () => toSigned(await fetchSigned(catalogPlace(url, []), url, {}, signal))),
    async putArchive(archive) {
      await mkdir(folder, { recursive: true });
      const name = basename(archive.path);
      await copyFile(archive.path, join(folder, `.${name}.new`));
      await rename(join(folder, `.${name}.new`), join(folder, name));
      return name;
    },
    async putCatalog({ data, signature }) {
      await writeFileAtomic(path + SIGNATURE_SUFFIX, signature, 0o644);
      await writeFileAtomic(path, data, 0o644);
    },
  };
}

/** A repository of an OCI registry: each archive is an artefact, the catalog is the one with the tag `catalog`. */
export function registryStore(
  url: string,
  operation: OperationContext,
  options: Partial<RegistryOptions>,
): CatalogStore {
  const place = catalogPlace(url, options.insecure ?? []);
  if (place.kind !== "registry") throw new Error(`${url} is no repository`);
  const { reference } = place;
  const at = (tag: string): RegistryReference => ({ ...reference, tag, digest: undefined });
  return {
    url,
    current: () =>
      absentIf("MANIFEST_NOT_FOUND", async () => toSigned(await fetchSigned(place, url, options, operation.signal))),
    async putArchive(archive, tag) {
      const file = {
        title: basename(archive.path),
        mediaType: ARCHIVE_TYPE,
        digest: digestOfHex(archive.sha256),
        size: archive.size,
        open: () => createReadStream(archive.path) as AsyncIterable<Buffer>,
      };
      await pushImage(at(tag), planArtefact(KERNEL_ARTEFACT, [file]), operation, options);
      return `oci://${reference.registry}/${reference.repository}:${tag}`;
    },
    async putCatalog({ data, signature }) {
      const files = [
        fileOf(CATALOG_FILE, "application/json", data),
        fileOf(CATALOG_FILE + SIGNATURE_SUFFIX, "text/plain", Buffer.from(signature)),
      ];
      await pushImage(reference, planArtefact(CATALOG_ARTEFACT, files), operation, options);
    },
  };
}

function toSigned({ data, signature }: { data: Uint8Array; signature: string }): SignedText {
  return { data: Buffer.from(data), signature };
}

async function absentIf<T>(code: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof BangerError && error.code === code) return undefined;
    throw error;
  }
}
