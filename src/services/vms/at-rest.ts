import type { Vm, VmNetwork } from "../../model/vm.ts";
import { serviceAtRest } from "./vm-service-command.ts";

/** What is left to say of a VM whose machine is gone. */
export function atRest(vm: Vm): Vm {
  const { machine: _machine, pausedBecause: _because, ...rest } = vm;
  return { ...rest, ...serviceAtRest(vm), network: networkAtRest(vm.network) };
}

function networkAtRest(network: VmNetwork): VmNetwork {
  if (network.mode !== "tap") return network;
  const { processes: _processes, ...rest } = network;
  return rest;
}
