import { DELETE_FIELDS } from "../../model/fields/delete-fields.ts";
import { command } from "../command.ts";
import { forEach } from "../for-each.ts";
import { optionsOf } from "../parse/option-of.ts";

export default command({
  name: ["kernel", "delete"],
  summary: "Delete kernels that nothing uses",
  arguments: [{ name: "kernel", names: "kernel", kind: "several", help: "names or ids of kernels" }],
  options: optionsOf(DELETE_FIELDS, {}),
  examples: [{ line: "banger kernel delete debian-cloud", does: "Delete it, with its files" }],
  run: (cli, { kernel: refs }, { force }) =>
    forEach(
      cli,
      refs,
      (ref) => cli.client.call("kernelDelete", { ref, force }),
      (_result, ref) => `Kernel ${ref} is deleted.`,
    ),
});
