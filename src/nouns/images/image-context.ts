import type { BlobStore } from "../../oci/layers/blob-store.ts";
import type { Config } from "../../model/config.ts";
import type { Layout } from "../../model/layout.ts";
import type { ImageStore } from "./image-store.ts";
import type { Logger } from "pino";
import type { KeyedQueue } from "../../lib/keyed-queue.ts";
import type { KernelVerbs } from "../kernels/index.ts";
import type { ImageBuilds, VmsOfImages } from "./image-ports.ts";
import type { AgentProgram } from "./agent/agent-program.ts";

/** What the verbs on images share. */
export interface ImageContext {
  readonly layout: Layout;
  readonly config: Config;
  readonly store: ImageStore;
  readonly kernels: KernelVerbs;
  readonly blobs: BlobStore;
  /** The program that makes root file systems, in a process of its own. */
  readonly rootfsProgram: string;
  /** The agent that every image gets, as it is on this host now. */
  readonly agent: () => Promise<AgentProgram>;
  readonly log: Logger;
  /** One queue of changes for each image: list and inspect never wait on it. */
  readonly queue: KeyedQueue;
  /** What the nouns above do for images, once they are open. */
  readonly vms: () => VmsOfImages;
  readonly builds: () => ImageBuilds;
}
