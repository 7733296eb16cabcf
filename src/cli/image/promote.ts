import { formatBytes } from "../../lib/bytes.ts";
import { IMAGE_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["image", "promote"],
  summary: "Copy a registered image's files into what banger owns",
  begins: ["imagePromote"],
  arguments: [IMAGE_ARGUMENT],
  options: { progress: PROGRESS_OPTION },
  details: `Copies are verified by their SHA-256, and share blocks with your files where the file system can. VMs that read
from your files read from the copies then, so that yours may go.`,
  examples: [{ line: "banger image promote mine", does: "Own copies of its files" }],
  async run(cli, { image: ref }, { progress }) {
    await operate(cli, "imagePromote", { ref }, progress, (image) =>
      cli.print(
        `Image ${image.name} is banger's own now: ${formatBytes(image.size)}. Your files are not needed any more.`,
      ),
    );
  },
});
