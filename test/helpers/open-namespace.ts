import { createInterface } from "node:readline";
import { closeNamespace, mendWall, openNamespace } from "../../src/net/namespace/namespace.ts";

// usage: open-namespace.ts RUN_DIR VM_ID [allow-host]: makes the namespace of a VM here, and prints it. Each line of its input
// mends the wall, and prints what keeps the namespace then; the end of its input takes it away again.
const [runDir = "", vmId = "", wish] = process.argv.slice(2);
const publish = [
  { hostAddress: "0.0.0.0", hostPort: 18_080, guestPort: 80 },
  { hostAddress: "127.0.0.1", hostPort: 18_081, guestPort: 80 },
];
const request = {
  instance: "0badcafe",
  vmId,
  runDir,
  rootless: process.getuid?.() !== 0,
  publish,
  allowHost: wish === "allow-host",
  hostAddresses: [],
};
const { signal } = new AbortController();
const namespace = await openNamespace(request, signal);
let { processes } = namespace;
console.log(JSON.stringify(namespace));
for await (const _ of createInterface(process.stdin)) {
  processes = (await mendWall(request, processes, signal)) ?? processes;
  console.log(JSON.stringify({ ...namespace, processes }));
}
await closeNamespace(processes);
