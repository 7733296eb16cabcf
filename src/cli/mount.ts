import { command } from "./command.ts";
import { bangerCommand } from "./programs.ts";
import { badUsage } from "./parse/bad-usage.ts";
import { ownOption } from "./parse/own-option.ts";

export default command({
  name: ["mount"],
  summary: "Mount a folder of a VM on this host, by your own sshfs",
  arguments: [
    { name: "source", help: "VM:PATH" },
    { name: "folder", help: "a folder of this host" },
  ],
  options: {
    user: ownOption({ kind: "text", short: "l", value: "USER", help: "as this user of the guest" }),
    "read-only": { type: "boolean", help: "nothing can be changed by it" },
  },
  details: `Goes over the line that banger has to the VM: the guest needs no network and no sshd. The mount ends with the VM's run;
fusermount3 -u FOLDER ends it before. A program that looks into it waits for the guest.`,
  examples: [{ line: "banger mount demo:/srv site", does: "The guest's /srv is in ./site" }],
  async run(cli, { source, folder }, { user, "read-only": readOnly }) {
    const [{ readEnd }, { mountBySshfs }] = await Promise.all([
      import("./copy/ends.ts"),
      import("./ssh/mount-sshfs.ts"),
    ]);
    const end = readEnd(source);
    if (end.kind !== "vm") throw badUsage(`${source} is in no VM`, "write VM:PATH, as in demo:/srv");
    const access = await cli.client.call("vmSsh", { ref: end.ref });
    await mountBySshfs({ access, path: end.path, folder, user, readOnly, banger: bangerCommand() });
    cli.print(`${access.name}:${end.path} is mounted on ${folder}.`);
    cli.note(`Unmount it with: fusermount3 -u ${folder}`);
  },
});
