import type { Change } from "../../../core/steps.ts";
import type { Vm, VmNetwork } from "../../../model/vm.ts";
import { serviceAtRest } from "../commands/vm-service-command.ts";

/** What becomes of a VM's record when its machine is gone. */
export function atRest(vm: Vm): Change<Vm> {
  return { machine: undefined, pausedBecause: undefined, ...serviceAtRest(vm), network: networkAtRest(vm.network) };
}

function networkAtRest(network: VmNetwork): VmNetwork {
  if (network.mode !== "tap") return network;
  const { processes: _processes, ...rest } = network;
  return rest;
}
