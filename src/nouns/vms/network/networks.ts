import { networkInterfaces } from "node:os";
import { asBangerError, BangerError } from "../../../lib/errors.ts";
import { ensurePrivateDirectory } from "../../../lib/private-directory.ts";
import { keyedQueue } from "../../../lib/keyed-queue.ts";
import type { Config } from "../../../model/config.ts";
import { vmRunDir, type Layout } from "../../../model/layout.ts";
import type { HostCheck } from "../../../model/doctor.ts";
import type { NetworkWays } from "../../../model/network.ts";
import type { Vm, VmNetwork, VmOnNetwork } from "../../../model/vm.ts";
import { chooseWay } from "../../../net/choose-way.ts";
import { findWays, isRootless } from "../../../net/find-ways.ts";
import { checkPortsFree } from "../../../net/free-ports.ts";
import { instanceOf } from "../../../net/host/device.ts";
import { lookAtHost } from "../../../net/host/host-facts.ts";
import {
  planHostNetwork,
  raiseHostNetwork,
  settleHostNetworks,
  type NetworkedVm,
} from "../../../net/host/host-networks.ts";
import { markedProcesses } from "../../../net/namespace/marked-processes.ts";
import { NAMESPACE_MTU, VM_DEVICE } from "../../../net/namespace/namespace-plan.ts";
import { closeNamespace, mendWall, openNamespace } from "../../../net/namespace/namespace.ts";
import { portsCollide } from "../../../net/published-port.ts";
import { planUserNetwork, slirpGuest } from "../../../net/user-network.ts";
import { wayChecks } from "../../../net/way-checks.ts";
import type { VmStore } from "../vm-store.ts";

/** A VM's network, ready for its VMM. */
export interface RaisedNetwork {
  readonly network: VmNetwork;
  /** See `MachineSpec.enter`. */
  readonly enter?: readonly string[];
}

/** Makes the networks of VMs, and takes them away. */
export interface Networks {
  /** The ways that this host has now. */
  ways(signal?: AbortSignal): Promise<NetworkWays>;
  /** What each way needs of this host: for doctor. They share one look. */
  checks(signal: AbortSignal): readonly HostCheck[];
  /**
   * What a VM's network will be, as things stand; nothing is done yet.
   *
   * @throws BangerError `NETWORK_UNAVAILABLE`.
   */
  plan(vm: Pick<Vm, "id" | "spec" | "network">, signal: AbortSignal): Promise<VmNetwork>;
  /**
   * Makes sure that a VM's ports can be published.
   *
   * @throws BangerError `PORT_TAKEN`, `VM_SPEC_INVALID`.
   */
  checkPorts(vm: Pick<Vm, "id" | "spec">): Promise<void>;
  /**
   * Makes the network of a VM that is about to start, planned anew: the host may be another than it was.
   *
   * @param note is told what it will be before it is made, and with what keeps it once it is.
   */
  raise(vm: Vm, signal: AbortSignal, note: NoteNetwork): Promise<RaisedNetwork>;
  /** Takes a VM's network away, after its VMM has ended. Safe to repeat. */
  lower(vm: Pick<Vm, "id" | "network">): Promise<void>;
  /**
   * At the start of a daemon: takes away what a crash left of the networks of VMs that do not run. Until then
   * {@link lower} leaves all as it is, since the rules of other VMs are not known.
   *
   * @param vms all VMs there were when the daemon started.
   * @param alive ids of those whose VMM runs.
   * @param note is told what keeps the network of one of them now.
   * @returns what was found and done, in words.
   */
  settle(vms: readonly VmOnNetwork[], alive: ReadonlySet<string>, note: NoteNetwork): Promise<readonly string[]>;
}

/** Writes a VM's network down. */
export type NoteNetwork = (vmId: string, network: VmNetwork) => void;

interface NetworksContext {
  readonly config: Config;
  readonly layout: Layout;
  readonly store: VmStore;
  readonly env: NodeJS.ProcessEnv;
  /** Whether a VM's VMM runs, or is being started. */
  readonly isUp: (vmId: string) => boolean;
}

export function createNetworks({ config, layout, store, env, isUp }: NetworksContext): Networks {
  const instance = instanceOf(layout.stateDir);
  const rootless = isRootless();
  // The rules are one table for all VMs: one change of it at a time.
  const queue = keyedQueue();
  const oneAtATime = <T>(work: () => Promise<T>): Promise<T> => queue.run("host", new AbortController().signal, work);
  /** VMs whose rules are in force. */
  const raised = new Map<string, NetworkedVm>();
  let settled = false;

  const tried = { namespaceWorks: false };
  const ways: Networks["ways"] = (signal) =>
    findWays({ instance, searchPath: env["PATH"], tried, ...(signal !== undefined && { signal }) });

  const plan: Networks["plan"] = async (vm, signal) => {
    const { spec } = vm;
    if (!spec.nat) return { mode: "none" };
    const { way, why } = chooseWay(config.nat, spec, await ways(signal));
    if (way === "user") return { ...planUserNetwork(vm.id, spec.publish), why };
    if (way === "slirp4netns") {
      const guest = slirpGuest(vm.id);
      return { mode: "tap", device: VM_DEVICE, ...guest, mtu: NAMESPACE_MTU, via: "slirp4netns", why };
    }
    const others = [...store.vms.list().flatMap(networked), ...raised.values()].filter(({ id }) => id !== vm.id);
    const addresses = others.map(({ network }) => network.address);
    const previous = vm.network.mode === "tap" ? vm.network.address : undefined;
    const facts = await lookAtHost(signal);
    return { ...planHostNetwork(vm.id, facts, addresses, { range: config.nat_range, previous }), why };
  };

  const checkPorts: Networks["checkPorts"] = async ({ id, spec }) => {
    for (const other of store.vms.list()) {
      if (other.id === id || !(isUp(other.id) || raised.has(other.id))) continue;
      const mine = spec.publish.find((port) => other.spec.publish.some((theirs) => portsCollide(port, theirs)));
      if (mine === undefined) continue;
      throw new BangerError("PORT_TAKEN", {
        what: `port ${mine.hostPort} of ${mine.hostAddress} cannot be published`,
        why: `VM ${other.name} has it`,
        fix: `publish another port, or stop that VM: \`banger vm stop ${other.name}\``,
      });
    }
    await checkPortsFree(spec.publish);
  };

  /** Plans a VM's network as things are now, and makes it if it is the host's own; two VMs never get the same addresses. */
  const raiseOnHost = async (vm: Vm, signal: AbortSignal, note: NoteNetwork): Promise<Vm> => {
    const planned: Vm = { ...vm, network: await plan(vm, signal) };
    note(vm.id, planned.network);
    const [hosted] = networked(planned);
    if (hosted === undefined) return planned;
    const others = [...raised.values()].filter(({ id }) => id !== vm.id);
    raised.set(vm.id, hosted);
    await raiseHostNetwork(instance, hosted, others, { signal });
    return planned;
  };

  /** Sees to the wall of a VM that has run without a daemon; what was done, in words. */
  const mended = async (vm: Vm, note: NoteNetwork): Promise<readonly string[]> => {
    const { id, name, network, spec } = vm;
    if (network.mode !== "tap" || network.via !== "slirp4netns") return [];
    const runDir = vmRunDir(layout, id);
    const request = { instance, vmId: id, runDir, rootless, allowHost: spec.allowHost, hostAddresses: hostAddresses() };
    try {
      // One that an earlier banger started has its sockets elsewhere.
      await ensurePrivateDirectory(runDir);
      const processes = await mendWall(request, network.processes ?? [], new AbortController().signal);
      if (processes === undefined) return [];
      note(id, { ...network, processes });
      return [`VM ${name}: its wall follows the host's addresses again`];
    } catch (error) {
      return [`VM ${name}: its wall does not follow the host's addresses: ${asBangerError(error).message}`];
    }
  };

  return {
    ways,
    checks(signal) {
      const found = ways(signal);
      found.catch(() => {}); // The checks tell why.
      return wayChecks(!rootless, () => found);
    },
    plan,
    checkPorts,

    async raise(vm, signal, note) {
      if (!vm.spec.nat) return { network: { mode: "none" } };
      await checkPorts(vm);
      const planned = await oneAtATime(() => raiseOnHost(vm, signal, note));
      const { id, spec, network } = planned;
      if (network.mode !== "tap" || network.via === "nftables") return { network };
      const { publish, allowHost } = spec;
      const runDir = vmRunDir(layout, id);
      const request = { instance, vmId: id, runDir, rootless, publish, allowHost, hostAddresses: hostAddresses() };
      const { enter, processes } = await openNamespace(request, signal);
      const joined = { ...network, processes };
      note(id, joined);
      return { network: joined, enter };
    },

    async lower({ id, network }) {
      if (network.mode !== "tap" || !settled) return;
      if (network.via === "slirp4netns") return closeNamespace(network.processes ?? []);
      await oneAtATime(async () => {
        raised.delete(id);
        await settleHostNetworks(instance, [...raised.values()], [id]);
      });
    },

    async settle(vms, alive, note) {
      settled = true;
      // A VM's row names its way before anything is made: where none names one, there is nothing to look for.
      const told: string[] = [];
      if (vms.some(({ network }) => network.mode === "tap" && network.via === "slirp4netns")) {
        // Those of a VM that this state does not know are not its to end.
        const ours = new Set(vms.map(({ id }) => id));
        const lost = (await markedProcesses(instance)).filter(({ vmId }) => ours.has(vmId) && !alive.has(vmId));
        await closeNamespace(lost);
        if (lost.length > 0) told.push(`ended ${lost.length} processes of networks of VMs that do not run`);
        for (const vm of store.vms.list()) if (alive.has(vm.id)) told.push(...(await mended(vm, note)));
      }
      if (!vms.some((vm) => networked(vm).length > 0)) return told;
      await oneAtATime(async () => {
        raised.clear();
        for (const hosted of vms.flatMap(networked)) if (alive.has(hosted.id)) raised.set(hosted.id, hosted);
        const forget = vms.map(({ id }) => id);
        const removed = await settleHostNetworks(instance, [...raised.values()], forget);
        for (const device of removed) told.push(`removed ${device}, the network device of a VM that does not run`);
      });
      return told;
    },
  };
}

function networked({ id, spec, network }: VmOnNetwork): readonly NetworkedVm[] {
  return network.mode === "tap" && network.via === "nftables" ? [{ id, spec, network }] : [];
}

function hostAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flat()
    .flatMap((entry) => (entry?.family === "IPv4" ? [entry.address] : []));
}
