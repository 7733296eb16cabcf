import type { BlobStore } from "../../oci/layers/blob-store.ts";
import type { Config } from "../../model/config.ts";
import type { Layout } from "../../model/layout.ts";
import type { Store } from "../store.ts";
import type { VmContext } from "../vms/vm-context.ts";
import type { KernelService } from "../kernels/kernel-service.ts";
import type { AgentProgram } from "./rootfs/provision.ts";

/** What the verbs on images share. */
export interface ImageContext {
  readonly layout: Layout;
  readonly config: Config;
  readonly store: Store;
  readonly kernels: KernelService;
  readonly blobs: BlobStore;
  /** The program that makes root file systems, in a process of its own. */
  readonly rootfsProgram: string;
  /** The agent that every image gets, as it is on this host now. */
  readonly agent: () => Promise<AgentProgram>;
  /** What runs the VMs in which images are built. */
  readonly vms: VmContext;
}
