import { VOLUME_CREATE_FIELDS } from "../../model/fields/volume-fields.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { checkOptions } from "../parse/check-options.ts";
import { optionsOf } from "../parse/option-of.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["volume", "create"],
  summary: "Make an empty volume: a disk that outlives the VMs that mount it",
  begins: ["volumeCreate"],
  arguments: [{ name: "name", help: "what to call it" }],
  options: { ...optionsOf(VOLUME_CREATE_FIELDS, {}), progress: PROGRESS_OPTION },
  examples: [
    { line: "banger volume create data --size 10G", does: "Takes what is written to it, 10 GiB at most" },
    { line: "banger volume create models --size 200G", does: "Then: banger vm create --volume models:/models" },
  ],
  async run(cli, { name }, { size, progress }) {
    if (size === undefined) throw badUsage("--size is missing", "say how large it is to be: --size 10G");
    const input = await checkOptions("volumeCreate", { name, sizeBytes: size });
    await operate(cli, "volumeCreate", input, progress, (volume) => {
      cli.print(`Volume ${volume.name} is made.`);
      cli.note(`Mount it in a VM with: banger vm create --volume ${volume.name}:/PATH`);
    });
  },
});
