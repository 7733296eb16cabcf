import { VOLUME_RESIZE_FIELDS } from "../../model/fields/volume-fields.ts";
import { formatBytes } from "../../lib/bytes.ts";
import { VOLUME_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { checkOptions } from "../parse/check-options.ts";
import { optionsOf } from "../parse/option-of.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["volume", "resize"],
  summary: "Make a volume larger",
  begins: ["volumeResize"],
  arguments: [VOLUME_ARGUMENT],
  options: { ...optionsOf(VOLUME_RESIZE_FIELDS, {}), progress: PROGRESS_OPTION },
  examples: [{ line: "banger volume resize data --size 20G", does: "The next guest that writes to it has 20 GiB" }],
  async run(cli, { volume: ref }, { size, progress }) {
    if (size === undefined) throw badUsage("--size is missing", "say how large it is to be: --size 20G");
    const input = await checkOptions("volumeResize", { ref, sizeBytes: size });
    await operate(cli, "volumeResize", input, progress, ({ name, sizeBytes }) =>
      cli.print(`Volume ${name} has ${formatBytes(sizeBytes)}.`),
    );
  },
});
