import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { bridge } from "../terminal/bridge.ts";

export default command({
  name: ["vm", "proxy"],
  summary: "Join stdin and stdout with something that listens in a VM",
  hidden: true,
  arguments: [VM_ARGUMENT],
  options: {
    target: {
      type: "string",
      value: "TARGET",
      help: "ssh, tcp:HOST:PORT, vsock:PORT or unix:PATH in it; ssh unless told",
    },
  },
  examples: [
    { line: "ssh -o ProxyCommand='banger vm proxy demo' root@demo", does: "What `banger vm ssh` does, about" },
    { line: "banger vm proxy demo --target tcp:127.0.0.1:5432", does: "Talk to a database in the guest" },
  ],
  async run(cli, { vm: ref }, { target = "ssh" }) {
    await bridge(await cli.client.socket("vmForward", { ref, target }), cli.io);
  },
});
