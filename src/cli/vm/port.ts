import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { withStop } from "../interrupts.ts";
import { parseForwardPort } from "../parse/forward-port.ts";

export default command({
  name: ["vm", "port"],
  short: "port",
  summary: "Reach ports of a VM from this host, without any network",
  arguments: [
    VM_ARGUMENT,
    { name: "port", kind: "several", help: "PORT or PORT:HOSTPORT, the guest's first; HOSTPORT 0 is any free one" },
  ],
  options: {},
  details: `Listens on 127.0.0.1 until Ctrl-C, and joins each connection with what listens on that port of the guest's own
loopback address, IPv4 or IPv6. It goes through the agent: the VM needs no network. A port that is always to be there is
published, by \`--publish\` of \`banger vm create\`.`,
  examples: [
    { line: "banger port box 8080", does: "The guest's 8080 is http://127.0.0.1:8080" },
    { line: "banger port box 80:8080 5432", does: "Two at once; the guest's 80 is the host's 8080" },
  ],
  async run(cli, { vm: ref, port: words }) {
    const ports = words.map(parseForwardPort);
    const { listenPort } = await import("../port/listen-port.ts");
    const { id, name } = await cli.client.call("vmInspect", { ref });
    return withStop(async (signal) => {
      const listening = [];
      try {
        for (const port of ports) {
          const open = (target: string) => cli.client.socket("vmForward", { ref: id, target }, { signal });
          const failed = (error: unknown): void => cli.note(`port ${port.guestPort}: ${cli.explain(error).message}`);
          const { server, hostPort } = await listenPort(port, open, failed);
          listening.push({ server, hostPort, guestPort: port.guestPort });
        }
        if (cli.json) cli.printJson(listening.map(({ guestPort, hostPort }) => ({ guestPort, hostPort })));
        else
          for (const { guestPort, hostPort } of listening)
            cli.print(`127.0.0.1:${hostPort} leads to ${name}:${guestPort}`);
        cli.note("Ctrl-C ends it.");
        await new Promise((end) => signal.addEventListener("abort", end, { once: true }));
      } finally {
        for (const { server } of listening) server.close();
      }
    });
  },
});
