import { command } from "../command.ts";

export default command({
  name: ["daemon", "recover"],
  summary: "Rebuild a lost or damaged state from the files of VMs, images and kernels",
  arguments: [],
  options: {},
  details: `For when the daemon says that its database does not belong to its data, or cannot be read. Each VM, image and kernel
keeps a description of itself beside its files: the database is made anew from them. The one that was there is kept under
another name; nothing is deleted. VMs that run go on running, and are taken back.`,
  examples: [{ line: "banger daemon recover", does: "Make a new database of what is there" }],
  async run(cli) {
    const rebuilt = await cli.client.call("daemonRecover", {});
    // The daemon that did so ends; the next one takes back what runs.
    const { recovered } = await cli.client.call("daemonStatus", {});
    if (cli.json) return cli.printJson({ ...rebuilt, recovered });
    const { vms, volumes, images, kernels, kept, notes } = rebuilt;
    cli.print(`The state is rebuilt: VMs: ${vms}, images: ${images}, kernels: ${kernels}, volumes: ${volumes}.`);
    if (kept !== undefined) cli.print(`The old database is kept: ${kept}`);
    for (const note of [...notes, ...recovered]) cli.note(note);
  },
});
