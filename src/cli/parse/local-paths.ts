import { resolve } from "node:path";

/** Image sources that are files here: their paths are made absolute, since the daemon works elsewhere. */
const FILE_SCHEMES = ["oci:", "oci-archive:", "docker-archive:"] as const;

/** `oci:dir:tag` → `oci:/home/me/dir:tag`; references to registries stay as they are. */
export function absoluteReference(reference: string, cwd: string): string {
  const scheme = FILE_SCHEMES.find((prefix) => reference.startsWith(prefix));
  if (scheme === undefined) return reference;
  const path = reference.slice(scheme.length);
  // resolve() would make the folder we are in out of nothing; the daemon says better what is missing.
  return path === "" ? reference : `${scheme}${resolve(cwd, path)}`;
}

/** A path as the daemon can follow it; undefined stays what it is, and so does the empty one. */
export function absolutePath<P extends string | undefined>(path: P, cwd: string): P | string {
  return path === undefined || path === "" ? path : resolve(cwd, path);
}
