import { closeNamespace, openNamespace } from "../../src/net/namespace/namespace.ts";

// usage: open-namespace.ts RUN_DIR VM_ID [allow-host]: makes the namespace of a VM here, prints it, and takes it away again
// when its input ends.
const [runDir = "", vmId = "", wish] = process.argv.slice(2);
const publish = [
  { hostAddress: "0.0.0.0", hostPort: 18_080, guestPort: 80 },
  { hostAddress: "127.0.0.1", hostPort: 18_081, guestPort: 80 },
];
const request = {
  instance: "0badcafe",
  vmId,
  runDir,
  rootless: false,
  publish,
  allowHost: wish === "allow-host",
  hostAddresses: [],
};
const namespace = await openNamespace(request, new AbortController().signal);
console.log(JSON.stringify(namespace));
for await (const _ of process.stdin);
await closeNamespace(namespace.processes);
