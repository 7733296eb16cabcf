import type { BlobStore } from "../../oci/blob-store.ts";
import type { Config } from "../../model/config.ts";
import type { Layout } from "../../model/layout.ts";
import type { Store } from "../../store/store.ts";
import type { VmContext } from "../vms/vm-context.ts";
import type { KernelService } from "../kernels/kernel-service.ts";

/** What the verbs on images share. */
export interface ImageContext {
  readonly layout: Layout;
  readonly config: Config;
  readonly store: Store;
  readonly kernels: KernelService;
  readonly blobs: BlobStore;
  /** The agent's binary on this host, which every image gets. */
  readonly agentPath: string;
  /** The program that makes root file systems, in a process of its own. */
  readonly rootfsProgram: string;
  /** Digest of that agent now. */
  readonly agentDigest: () => Promise<string>;
  /** What runs the VMs in which images are built. */
  readonly vms: VmContext;
}
