import { command } from "../command.ts";
import { forEach } from "../for-each.ts";

export default command({
  name: ["kernel", "delete"],
  summary: "Delete kernels that nothing uses",
  arguments: [{ name: "kernel", kind: "several", help: "names or ids of kernels" }],
  options: {},
  examples: [{ line: "banger kernel delete debian-cloud", does: "Delete it, with its files" }],
  run: (cli, { kernel: refs }) =>
    forEach(
      cli,
      refs,
      (ref) => cli.client.call("kernelDelete", { ref }),
      (_result, ref) => `Kernel ${ref} is deleted.`,
    ),
});
