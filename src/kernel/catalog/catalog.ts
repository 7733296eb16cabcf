import { BangerError } from "../../lib/errors.ts";
import { CATALOG_VERSION, kernelCatalogSchema, type KernelCatalog } from "../../model/kernel-catalog.ts";
import { findFault, parsePublicKey, parseSignature, startSignedHash, type MinisignKey } from "./minisign.ts";

/** A catalog of a thousand kernels stays well under this. */
export const MAX_CATALOG_BYTES = 4 * 1024 ** 2;
export const MAX_SIGNATURE_BYTES = 4096;
/** What stands beside a catalog or an archive under its name and this. */
export const SIGNATURE_SUFFIX = ".minisig";

/**
 * Reads a catalog whose signature has been checked.
 *
 * @param from where it came from, for errors.
 * @throws BangerError `CATALOG_INVALID`.
 */
export function parseCatalog(data: Uint8Array, from: string): KernelCatalog {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  } catch (error) {
    throw invalid(from, error instanceof Error ? error.message : String(error));
  }
  const version = typeof value === "object" && value !== null && "version" in value ? value.version : undefined;
  if (typeof version === "number" && version > CATALOG_VERSION) {
    throw new BangerError("CATALOG_INVALID", {
      what: `the catalog ${from} is of a newer format`,
      why: `its version is ${version}, this banger reads ${CATALOG_VERSION}`,
      fix: "upgrade banger",
    });
  }
  const result = kernelCatalogSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw invalid(from, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not as its schema has it"}`);
}

/**
 * Reads a key of `[[kernel_catalogs]]`.
 *
 * @throws BangerError `CONFIG_INVALID`.
 */
export function requireKey(text: string, url: string): MinisignKey {
  const key = parsePublicKey(text);
  if (key !== undefined) return key;
  throw new BangerError("CONFIG_INVALID", {
    what: `the key of the catalog ${url} is no public key of minisign`,
    why: "such a key is one line of 56 letters that begins with RW",
    fix: "copy it from the .pub file of whoever makes the catalog into config.toml",
  });
}

/**
 * Holds a catalog against its signature.
 *
 * @throws BangerError `CATALOG_UNTRUSTED`.
 */
export function checkCatalogSignature(data: Uint8Array, signature: string, key: MinisignKey, from: string): void {
  const parsed = parseSignature(signature);
  const hash = startSignedHash().update(data).digest();
  const why = typeof parsed === "string" ? parsed : findFault(key, parsed, hash);
  if (why === undefined) return;
  throw new BangerError("CATALOG_UNTRUSTED", {
    what: `the catalog ${from} is not trusted`,
    why,
    fix: "try again later: it may be in the middle of an update; if it stays so, ask whoever publishes it",
  });
}

/** An edition of a catalog that has been seen. */
export interface CatalogEdition {
  readonly serial: number;
  /** Of its bytes, in hex. */
  readonly sha256: string;
}

/**
 * An old catalog is signed too: who hands it out again would bring back kernels that were withdrawn.
 *
 * @throws BangerError `CATALOG_DOWNGRADED` where a newer edition, or another one of the same serial, was seen before.
 */
export function refuseDowngrade(found: CatalogEdition, seen: CatalogEdition | undefined, from: string): void {
  if (seen === undefined || found.serial > seen.serial) return;
  if (found.serial === seen.serial && found.sha256 === seen.sha256) return;
  throw new BangerError("CATALOG_DOWNGRADED", {
    what: `the catalog ${from} went back`,
    why:
      found.serial === seen.serial
        ? `edition ${found.serial} was seen before with another content`
        : `it is edition ${found.serial}, and edition ${seen.serial} was seen before`,
    fix: "ask whoever publishes it; a catalog that begins anew needs a new key",
    data: { serial: found.serial, seen: seen.serial },
  });
}

function invalid(from: string, why: string): BangerError {
  return new BangerError("CATALOG_INVALID", {
    what: `the catalog ${from} cannot be read`,
    why,
    fix: "ask whoever publishes it; kernel/catalog.schema.json says how a catalog looks",
  });
}
