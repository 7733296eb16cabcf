import { createReadStream } from "node:fs";
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { removeFile } from "../../lib/destroy.ts";
import { BangerError } from "../../lib/errors.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { pruneDownloads } from "../../http/prune-downloads.ts";
import {
  checkArchiveSignature,
  readArchiveSignature,
  unpackKernelArchive,
} from "../../kernel/catalog/kernel-archive.ts";
import type { KernelContents } from "../../model/kernel.ts";
import { BlobDownload } from "../../oci/layers/blob-download.ts";
import { BlobStore } from "../../oci/layers/blob-store.ts";
import { digestOfHex } from "../../oci/manifest/digest.ts";
import type { BlobSource } from "../../oci/source/image-source.ts";
import type { Descriptor } from "../../oci/manifest/manifest.ts";
import { openRegistrySource } from "../../oci/registry/registry-source.ts";
import { UrlSource } from "../../oci/registry/url-source.ts";
import { archivePlace, linkedByCatalog, type Place } from "./catalog-place.ts";
import type { ServedKernel } from "./catalogs.ts";
import type { KernelContext } from "./kernel-context.ts";
import { registryFor } from "./read-catalog.ts";

const ARCHIVE_TYPE = "application/vnd.banger.kernel.v1.tar+zstd";

/**
 * Fetches a kernel that a catalog serves. An archive counts once its size, its sha256 and its signature hold; what came
 * before a cut waits in the cache for another try.
 *
 * @param targetDir an empty folder; its content is worth nothing if this fails.
 * @throws BangerError `KERNEL_UNTRUSTED`, `DIGEST_MISMATCH`, `SIZE_MISMATCH`, `ARCHIVE_INVALID`, `KERNEL_INVALID`, and what
 *         the servers give cause to: the last one's, where each failed.
 */
export async function fetchKernel(
  context: KernelContext,
  served: ServedKernel,
  targetDir: string,
  operation: OperationContext,
): Promise<KernelContents> {
  const { from, kernel, archive } = served;
  const { signal } = operation;
  const label = `${kernel.name} ${kernel.version}`;
  const signature = readArchiveSignature(archive.signature, from.key, label);
  const cacheDir = join(context.layout.cacheDir, "kernel-archives");
  const store = new BlobStore(cacheDir);
  const descriptor = { mediaType: ARCHIVE_TYPE, digest: digestOfHex(archive.sha256), size: archive.size };
  const url = await download(context, served, store, descriptor, operation);
  const path = store.path(descriptor.digest);
  try {
    await checkArchiveSignature(path, signature, from.key, label, signal);
  } catch (error) {
    await removeFile(path, "a download in the cache whose signature is wrong");
    throw error;
  }
  const now = new Date();
  await utimes(path, now, now);
  const { url: catalog } = from;
  const { name, version, arch } = kernel;
  const source = {
    kind: "catalog",
    catalog,
    serial: from.catalog.serial,
    kernel: name,
    version,
    url,
    sha256: archive.sha256,
  } as const;
  const contents = await unpackKernelArchive(path, { label, arch, source }, targetDir, operation);
  await pruneDownloads(cacheDir, now);
  return contents;
}

/** Tries each place in turn. @returns the one that had it. */
async function download(
  context: KernelContext,
  { from, kernel, archive }: ServedKernel,
  store: BlobStore,
  descriptor: Descriptor,
  { signal, progress }: OperationContext,
): Promise<string> {
  const event = {
    id: `download:${kernel.name}`,
    label: `downloading ${kernel.name} ${kernel.version}`,
    unit: "bytes" as const,
    total: archive.size,
  };
  const insecure = context.config.insecure_registries;
  let failure: unknown = new BangerError("CATALOG_INVALID", { what: "no place is named", fix: "ask its publisher" });
  for (const url of archive.urls) {
    try {
      const place = archivePlace(url, from.url, insecure);
      await using source = await openPlace(place, from.url, context);
      const options = registryFor(context);
      const blob = new BlobDownload(descriptor, store, source, {
        signal,
        ...(options.retry && { retry: options.retry }),
        onProgress: (done) => progress({ ...event, done, status: "running" }),
      });
      await using _file = { [Symbol.asyncDispose]: () => blob.close() };
      const { reused } = await blob.done;
      progress({ ...event, done: archive.size, status: "done", ...(reused && { note: "already here" }) });
      return url;
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
      progress({ ...event, status: "failed", note: `not from ${url}` });
    }
  }
  throw failure;
}

async function openPlace(place: Place, catalog: string, context: KernelContext): Promise<BlobSource & AsyncDisposable> {
  const linkedBy = linkedByCatalog(place, catalog);
  const options = { ...registryFor(context), ...(linkedBy && { linkedBy }) };
  switch (place.kind) {
    case "registry":
      return openRegistrySource(place.reference, options);
    case "web": {
      const source = await UrlSource.open(place.url, options);
      return {
        openBlob: (descriptor, offset, signal) => source.openBlob(descriptor, offset, signal),
        [Symbol.asyncDispose]: async () => source[Symbol.dispose](),
      };
    }
    case "file":
      return {
        openBlob: (_descriptor, start, signal) => readLocal(place.path, start, signal),
        [Symbol.asyncDispose]: async () => {},
      };
  }
}

async function* readLocal(path: string, start: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { start, signal }) as AsyncIterable<Buffer>;
  } catch (error) {
    if (signal.aborted) throw error;
    throw new BangerError("FILE_UNREADABLE", {
      what: `the archive ${path} cannot be read`,
      why: error instanceof Error ? error.message : String(error),
      fix: "it belongs beside the catalog that names it",
      cause: error,
    });
  }
}
