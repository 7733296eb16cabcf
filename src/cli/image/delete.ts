import { DELETE_FIELDS } from "../../model/fields/delete-fields.ts";
import { command } from "../command.ts";
import { forEach } from "../for-each.ts";
import { optionsOf } from "../parse/option-of.ts";

export default command({
  name: ["image", "delete"],
  summary: "Delete images that no VM uses",
  arguments: [{ name: "image", names: "image", kind: "several", help: "names or ids of images" }],
  options: optionsOf(DELETE_FIELDS, {}),
  examples: [{ line: "banger image delete debian", does: "Delete it, with its files" }],
  run: (cli, { image: refs }, { force }) =>
    forEach(
      cli,
      refs,
      (ref) => cli.client.call("imageDelete", { ref, force }),
      (_result, ref) => `Image ${ref} is deleted.`,
    ),
});
