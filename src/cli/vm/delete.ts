import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["vm", "delete"],
  summary: "Delete a VM and everything it has",
  arguments: [VM_ARGUMENT],
  options: {
    force: { type: "boolean", short: "f", help: "even if it runs" },
    progress: PROGRESS_OPTION,
  },
  examples: [
    { line: "banger vm delete demo", does: "Delete it, with its disks" },
    { line: "banger vm delete --force demo", does: "The same while it runs" },
  ],
  async run(cli, { vm: ref }, { force, progress }) {
    const result = await operate(cli, "vmDelete", { ref, force }, progress);
    if (cli.json) cli.printJson(result);
    else cli.print(`VM ${ref} is deleted.`);
  },
});
