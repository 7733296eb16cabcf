import type { Config } from "../../model/config.ts";
import type { ImageReference } from "../source/reference.ts";
import type { RegistryOptions } from "./registry-options.ts";

type Access = Pick<Config, "insecure_registries" | "registries">;

/** How registries are reached: as the configuration says, and this one without TLS where that was asked for. */
export function registryAccess(
  config: Access,
  reference: ImageReference,
  isInsecure: boolean,
): Partial<RegistryOptions> {
  const access = configuredAccess(config);
  if (!isInsecure || reference.kind !== "registry") return access;
  return { ...access, insecure: [...config.insecure_registries, reference.registry] };
}

/** How registries, and web servers that serve kernels, are reached: as the configuration says. */
export function configuredAccess({ insecure_registries, registries }: Access): Partial<RegistryOptions> {
  const known = Object.entries(registries);
  return {
    insecure: insecure_registries,
    mirrors: Object.fromEntries(known.map(([host, { mirrors }]) => [host, mirrors])),
    authorityFiles: Object.fromEntries(
      known.flatMap(([host, { ca_file }]) => (ca_file === undefined ? [] : [[host, ca_file]])),
    ),
  };
}
