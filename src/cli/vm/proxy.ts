import { FORWARD_FIELDS } from "../../model/fields/vm-fields.ts";
import { VM_ARGUMENT } from "../arguments.ts";
import { type Cli, command } from "../command.ts";
import { optionsOf } from "../parse/option-of.ts";
import { ownOption } from "../parse/own-option.ts";
import { bridge } from "../terminal/bridge.ts";

export default command({
  name: ["vm", "proxy"],
  summary: "Join stdin and stdout with something that listens in a VM",
  hidden: true,
  arguments: [VM_ARGUMENT],
  options: {
    ...optionsOf(FORWARD_FIELDS, {}),
    "known-hosts": ownOption({
      kind: "path",
      value: "DIR",
      help: "VM is NAME.banger: write its host key into DIR/NAME.banger first",
    }),
  },
  examples: [
    { line: "ssh -o ProxyCommand='banger vm proxy demo' root@demo", does: "What `banger vm ssh` does, about" },
    { line: "banger vm proxy demo --target tcp:127.0.0.1:5432", does: "Talk to a database in the guest" },
  ],
  async run(cli, { vm }, { target = "ssh", "known-hosts": folder }) {
    const ref = folder === undefined ? vm : await knownHost(cli, vm, folder);
    await bridge(await cli.client.socket("vmForward", { ref, target }), cli.io);
  },
});

/** @returns the id of the VM that has the host's name now. */
async function knownHost(cli: Cli, host: string, folder: string): Promise<string> {
  const { vmOfHost, writeHostKey } = await import("../ssh/known-hosts.ts");
  const access = await cli.client.call("vmSsh", { ref: vmOfHost(host) });
  await writeHostKey(folder, host, access);
  return access.id;
}
