import type { Config } from "../../model/config.ts";
import type { ImageReference } from "../../oci/reference.ts";
import type { RegistryOptions } from "../../oci/registry-options.ts";

/** How registries are reached: as the configuration says, and this one without TLS where that was asked for. */
export function registryAccess(
  { insecure_registries, registries }: Pick<Config, "insecure_registries" | "registries">,
  reference: ImageReference,
  isInsecure: boolean,
): Partial<RegistryOptions> {
  const insecure = [...insecure_registries];
  if (isInsecure && reference.kind === "registry") insecure.push(reference.registry);
  const known = Object.entries(registries);
  return {
    insecure,
    mirrors: Object.fromEntries(known.map(([host, { mirrors }]) => [host, mirrors])),
    authorityFiles: Object.fromEntries(
      known.flatMap(([host, { ca_file }]) => (ca_file === undefined ? [] : [[host, ca_file]])),
    ),
  };
}
