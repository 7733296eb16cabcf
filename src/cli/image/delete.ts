import { command } from "../command.ts";
import { forEach } from "../for-each.ts";

export default command({
  name: ["image", "delete"],
  summary: "Delete images that no VM uses",
  arguments: [{ name: "image", kind: "several", help: "names or ids of images" }],
  options: {},
  examples: [{ line: "banger image delete debian", does: "Delete it, with its files" }],
  run: (cli, { image: refs }) =>
    forEach(
      cli,
      refs,
      (ref) => cli.client.call("imageDelete", { ref }),
      (_result, ref) => `Image ${ref} is deleted.`,
    ),
});
