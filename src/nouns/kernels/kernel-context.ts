import type { Config } from "../../model/config.ts";
import type { Layout } from "../../model/layout.ts";
import type { RegistryOptions } from "../../oci/registry/registry-options.ts";
import type { KernelRecipes } from "../installation.ts";
import type { KernelStore } from "./kernel-store.ts";

/** What the verbs on kernels share. */
export interface KernelContext {
  readonly layout: Layout;
  readonly config: Config;
  readonly store: KernelStore;
  /** The agent's binary on this host: `/init` of the initramfs. */
  readonly agentPath: string;
  readonly recipes: KernelRecipes;
  /** How catalogs and registries are reached; the host's ways where nothing is said. */
  readonly registry?: Partial<RegistryOptions>;
}
