import { formatBytes } from "../../lib/bytes.ts";
import { IMAGE_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { absoluteReference } from "../parse/local-paths.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["image", "export"],
  summary: "Write an image into an archive, with its kernel, for other bangers to pull",
  begins: ["imageExport"],
  arguments: [IMAGE_ARGUMENT, { name: "target", help: "oci-archive:FILE, or oci-archive:FILE:NAME" }],
  options: { progress: PROGRESS_OPTION },
  details: `The file appears when it is complete, in place of a file there, or that a link there leads to.
\`banger image pull oci-archive:FILE\` makes the same image of it on another host.`,
  examples: [{ line: "banger image export debian oci-archive:debian-vm.tar", does: "Write it to a file" }],
  async run(cli, { image, target }, { progress }) {
    const input = { ref: image, target: absoluteReference(target, process.cwd()) };
    await operate(cli, "imageExport", input, progress, (sent) => {
      const bytes = sent.blobs.reduce((sum, blob) => sum + blob.sizeBytes, 0);
      cli.print(`Image ${sent.image} is in ${sent.reference}: ${formatBytes(bytes)}.`);
    });
  },
});
