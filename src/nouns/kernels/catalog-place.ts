import { fileURLToPath } from "node:url";
import { BangerError } from "../../lib/errors.ts";
import { isLoopbackHost, isThisMachine, type LinkedBy } from "../../lib/address-guard.ts";
import { parseReference, type RegistryReference } from "../../oci/source/reference.ts";

/** Tag of the catalog in a repository that is named without one. */
const CATALOG_TAG = "catalog";

/** Where a catalog or an archive lies. */
export type Place =
  | { readonly kind: "web"; readonly url: URL }
  | { readonly kind: "registry"; readonly reference: RegistryReference }
  | { readonly kind: "file"; readonly path: string };

/**
 * Reads the URL of a catalog as it stands in the configuration. Plain http only where registries may have it too.
 *
 * @throws BangerError `CONFIG_INVALID`.
 */
export function catalogPlace(url: string, insecure: readonly string[]): Place {
  if (url.startsWith("oci://")) return { kind: "registry", reference: registryReference(url, CATALOG_TAG) };
  if (!URL.canParse(url)) throw badUrl(url, "it is no URL", "write https://…, oci://… or file:///… in config.toml");
  return placeOfUrl(new URL(url), insecure);
}

/**
 * Where an archive of this catalog lies. A catalog from a server may send us to other servers, not to files of this host.
 *
 * @param place an https or oci URL, or a path relative to the catalog.
 * @throws BangerError `CATALOG_INVALID`.
 */
export function archivePlace(place: string, catalog: string, insecure: readonly string[]): Place {
  if (place.startsWith("oci://")) return { kind: "registry", reference: registryReference(place, CATALOG_TAG) };
  if (/^https?:\/\//.test(place) && URL.canParse(place)) return placeOfUrl(new URL(place), insecure);
  if (catalog.startsWith("oci://") || !URL.canParse(place, catalog)) {
    throw new BangerError("CATALOG_INVALID", {
      what: `the catalog ${catalog} does not say where a kernel lies`,
      why: `"${place}" leads nowhere from there`,
      fix: "ask whoever publishes it",
    });
  }
  return placeOfUrl(new URL(place, catalog), insecure);
}

/** Who named the server of an archive: the user, where it is the catalog's own or the catalog is on this machine. */
export function linkedByCatalog(place: Place, catalog: string): LinkedBy | undefined {
  const { protocol, hostname } = new URL(catalog);
  if (place.kind === "file" || protocol === "file:" || isThisMachine(hostname)) return undefined;
  const host = place.kind === "web" ? place.url.hostname : new URL(`https://${place.reference.registry}`).hostname;
  return host === hostname ? undefined : { isHere: false };
}

function placeOfUrl(url: URL, insecure: readonly string[]): Place {
  if (url.protocol === "file:") {
    if (url.host !== "")
      throw badUrl(url.href, `a file lies on no host ${url.host}`, "write file:///, with three slashes");
    return { kind: "file", path: fileURLToPath(url) };
  }
  if (url.protocol === "http:" && !isLoopbackHost(url.hostname) && !insecure.includes(url.host)) {
    throw badUrl(url.href, "it is not https");
  }
  if (url.username !== "" || url.password !== "") {
    const shown = new URL(url);
    shown.username = shown.password = "";
    throw badUrl(shown.href, "a name or password is written in it, which would be shown", "leave it out of the URL");
  }
  return { kind: "web", url };
}

function registryReference(url: string, tag: string): RegistryReference {
  const name = url.slice("oci://".length);
  const isTagged = name.lastIndexOf(":") > name.lastIndexOf("/") || name.includes("@");
  const reference = parseReference(isTagged ? name : `${name}:${tag}`);
  if (reference.kind !== "registry") {
    throw badUrl(url, "it names no repository of a registry", "write oci://HOST/REPOSITORY, with :TAG if it has one");
  }
  return reference;
}

const SPEAK_TLS = "use https://, or add the host to insecure_registries in config.toml";

function badUrl(url: string, why: string, fix = SPEAK_TLS): BangerError {
  return new BangerError("CONFIG_INVALID", { what: `banger does not fetch ${url}`, why, fix });
}
