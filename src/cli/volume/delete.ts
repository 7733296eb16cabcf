import { DELETE_FIELDS } from "../../model/fields/delete-fields.ts";
import { command } from "../command.ts";
import { forEach } from "../for-each.ts";
import { optionsOf } from "../parse/option-of.ts";

export default command({
  name: ["volume", "delete"],
  summary: "Delete volumes that no VM mounts, with all that is in them",
  arguments: [{ name: "volume", names: "volume", kind: "several", help: "names or ids of volumes" }],
  options: optionsOf(DELETE_FIELDS, {}),
  examples: [{ line: "banger volume delete data", does: "Delete it, and what is in it" }],
  run: (cli, { volume: refs }, { force }) =>
    forEach(
      cli,
      refs,
      (ref) => cli.client.call("volumeDelete", { ref, force }),
      (_result, ref) => `Volume ${ref} is deleted.`,
    ),
});
