import { readFile } from "node:fs/promises";
import { settleHostNetworks, type NetworkedVm } from "../../src/net/host/host-networks.ts";

// usage: settle-networks.ts INSTANCE FILE: what a daemon does that finds none of these VMs running.
const [instance = "", file = ""] = process.argv.slice(2);
const vms = JSON.parse(await readFile(file, "utf8")) as NetworkedVm[];
console.log(
  JSON.stringify(
    await settleHostNetworks(
      instance,
      [],
      vms.map(({ id }) => id),
    ),
  ),
);
