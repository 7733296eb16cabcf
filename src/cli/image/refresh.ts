import { IMAGE_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["image", "refresh"],
  summary: "Bring an image up to this banger's agent and its kernel's newest version",
  begins: ["imageRefresh"],
  arguments: [IMAGE_ARGUMENT],
  options: { progress: PROGRESS_OPTION },
  details: `After an upgrade of banger, or of a kernel by banger kernel pull. Nothing else in the image changes, nothing is
pulled. VMs that are there keep the agent and the kernel they have until they are made anew or put on the image again with
banger vm rebase.`,
  examples: [{ line: "banger image refresh debian", does: "Its next VMs have the agent and the kernel of today" }],
  async run(cli, { image: ref }, { progress }) {
    await operate(cli, "imageRefresh", { ref }, progress, (image) =>
      cli.print(`Image ${image.name} has this banger's agent, and boots ${image.kernel}.`),
    );
  },
});
