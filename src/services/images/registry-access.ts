import type { Config } from "../../model/config.ts";
import type { ImageReference } from "../../oci/reference.ts";
import type { RegistryOptions } from "../../oci/registry-options.ts";

/** How registries are reached: as the configuration says, and this one without TLS where that was asked for. */
export function registryAccess(
  config: Config,
  reference: ImageReference,
  isInsecure: boolean,
): Partial<RegistryOptions> {
  const insecure = [...config.insecure_registries];
  if (isInsecure && reference.kind === "registry") insecure.push(reference.registry);
  return { insecure };
}
