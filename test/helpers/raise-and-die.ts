import { readFile } from "node:fs/promises";
import { raiseHostNetwork, type NetworkedVm } from "../../src/net/host/host-networks.ts";

// usage: raise-and-die.ts INSTANCE FILE [VM STEP]
// Raises the networks of the VMs in FILE, one after the other; with VM and STEP (numbers from 0) it kills itself in the
// instant before that step of that VM.
const [instance = "", file = "", dieAtVm, dieAtStep] = process.argv.slice(2);
const vms = JSON.parse(await readFile(file, "utf8")) as NetworkedVm[];
for (const [number, vm] of vms.entries()) {
  await raiseHostNetwork(instance, vm, vms.slice(0, number), {
    before: (step) => {
      if (number === Number(dieAtVm) && step === Number(dieAtStep)) process.kill(process.pid, "SIGKILL");
    },
  });
  console.log(number);
}
