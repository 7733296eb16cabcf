import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { BangerError } from "../../lib/errors.ts";
import {
  checkCatalogSignature,
  MAX_CATALOG_BYTES,
  MAX_SIGNATURE_BYTES,
  parseCatalog,
  refuseDowngrade,
  requireKey,
  SIGNATURE_SUFFIX,
} from "../../kernel/catalog/catalog.ts";
import type { MinisignKey } from "../../kernel/catalog/minisign.ts";
import type { KernelCatalog } from "../../model/kernel-catalog.ts";
import { readArtefact } from "../../oci/push/artefact.ts";
import { openRegistrySource } from "../../oci/registry/registry-source.ts";
import type { RegistryOptions } from "../../oci/registry/registry-options.ts";
import { UrlSource } from "../../oci/registry/url-source.ts";
import { configuredAccess } from "../../oci/registry/registry-access.ts";
import { catalogPlace, type Place } from "./catalog-place.ts";
import type { KernelContext } from "./kernel-context.ts";

/** Kind of the artefact that holds a catalog in a registry, and the name of its file there. */
export const CATALOG_ARTEFACT = "application/vnd.banger.kernel-catalog.v1";
export const CATALOG_FILE = "catalog.json";

/** A catalog whose signature holds, and which is not older than what was seen. */
export interface TrustedCatalog {
  readonly url: string;
  readonly key: MinisignKey;
  readonly catalog: KernelCatalog;
}

/** How registries and web servers are reached for kernels. */
export function registryFor({ config, registry }: KernelContext): Partial<RegistryOptions> {
  return { ...configuredAccess(config), ...registry };
}

/**
 * Fetches a catalog of the configuration and says that it may be believed: signature first, then format, then whether it
 * is at least as new as the newest seen, which is remembered.
 *
 * @throws BangerError `CONFIG_INVALID` for its key or URL, `CATALOG_UNTRUSTED`, `CATALOG_INVALID`, `CATALOG_DOWNGRADED`, and
 *         what its server gives cause to.
 */
export async function readCatalog(
  context: KernelContext,
  { url, key: keyText }: { readonly url: string; readonly key: string },
  signal: AbortSignal,
): Promise<TrustedCatalog> {
  const { store, config } = context;
  const key = requireKey(keyText, url);
  const place = catalogPlace(url, config.insecure_registries);
  const { data, signature } = await fetchSigned(place, url, registryFor(context), signal);
  checkCatalogSignature(data, signature, key, url);
  const catalog = parseCatalog(data, url);
  const edition = { serial: catalog.serial, sha256: createHash("sha256").update(data).digest("hex") };
  refuseDowngrade(edition, store.seenCatalogs.find(url, keyText), url);
  store.seenCatalogs.note({ url, key: keyText, ...edition });
  return { url, key, catalog };
}

/** The catalog that banger brings, which needs no signature: it is as good as the program itself. */
export async function readBuiltInCatalog({ recipes }: KernelContext): Promise<KernelCatalog> {
  return parseCatalog(await readFile(recipes.builtInCatalog), recipes.builtInCatalog);
}

interface Signed {
  readonly data: Uint8Array;
  readonly signature: string;
}

/** Nothing is believed yet. */
export async function fetchSigned(
  place: Place,
  url: string,
  options: Partial<RegistryOptions>,
  signal: AbortSignal,
): Promise<Signed> {
  switch (place.kind) {
    case "file":
      return readLocal(place.path);
    case "web": {
      using source = await UrlSource.open(place.url, options);
      const data = await source.read(MAX_CATALOG_BYTES, "catalog", signal);
      const beside = new URL(place.url);
      beside.pathname += SIGNATURE_SUFFIX;
      const signature = await source.read(MAX_SIGNATURE_BYTES, "signature of a catalog", signal, beside);
      return { data, signature: signature.toString("utf8") };
    }
    case "registry": {
      await using source = openRegistrySource(place.reference, options);
      const files = await readArtefact(source, CATALOG_ARTEFACT, MAX_CATALOG_BYTES, signal, options.retry);
      const data = files.get(CATALOG_FILE);
      const signature = files.get(CATALOG_FILE + SIGNATURE_SUFFIX);
      if (data === undefined || signature === undefined) throw incomplete(url);
      return { data, signature: signature.toString("utf8") };
    }
  }
}

async function readLocal(path: string): Promise<Signed> {
  try {
    return { data: await readFile(path), signature: await readFile(path + SIGNATURE_SUFFIX, "utf8") };
  } catch (error) {
    throw new BangerError("FILE_UNREADABLE", {
      what: `the catalog ${path} cannot be read`,
      why: error instanceof Error ? error.message : String(error),
      fix: `check the path in config.toml; ${path}${SIGNATURE_SUFFIX} must lie beside it`,
      cause: error,
    });
  }
}

function incomplete(url: string): BangerError {
  return new BangerError("CATALOG_INVALID", {
    what: `the catalog ${url} is not complete`,
    why: `it lacks ${CATALOG_FILE} or its signature`,
    fix: "ask whoever publishes it",
  });
}
