import type { Logger } from "pino";
import type { KeyedQueue } from "../../lib/keyed-queue.ts";
import type { Config } from "../../model/config.ts";
import type { Layout } from "../../model/layout.ts";
import type { VmStore } from "./vm-store.ts";
import type { Drivers } from "./drivers/drivers.ts";
import type { Networks } from "./network/networks.ts";
import type { KernelVerbs } from "../kernels/index.ts";
import type { VolumeVerbs } from "../volumes/index.ts";
import type { VmSilence } from "../../model/vm.ts";
import type { HostClock } from "./guest/keep-time.ts";
import type { LiveVm } from "./live/live-vms.ts";

/** What the verbs on VMs share. */
export interface VmContext {
  readonly layout: Layout;
  readonly config: Config;
  readonly store: VmStore;
  readonly log: Logger;
  readonly kernels: KernelVerbs;
  readonly volumes: Pick<VolumeVerbs, "get" | "disk">;
  /** The agent's binary on this host; it also dials where Node cannot. */
  readonly agentPath: string;
  /** Digest of that agent now. */
  readonly agentDigest: () => Promise<string>;
  readonly drivers: Drivers;
  readonly networks: Networks;
  /** One queue of changes for each VM: list and inspect never wait on it. */
  readonly queue: KeyedQueue;
  readonly live: Map<string, LiveVm>;
  /** VMs that run, of which somebody does not answer. */
  readonly silent: Map<string, VmSilence>;
  /** VMs that are being deleted by force. */
  readonly deleting: Map<string, Promise<void>>;
  /** VMs that are being taken back from another daemon; each settles once its VMM has answered, or is silent. */
  readonly attaching: Map<string, Promise<void>>;
  /** Tells when guests' clocks are to be looked at at once. */
  readonly hostClock: HostClock;
}
