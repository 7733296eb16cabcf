import { formatBytes } from "../../lib/bytes.ts";
import { IMAGE_ARGUMENT } from "../arguments.ts";
import { PUSH_FIELDS } from "../../model/fields/image-fields.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { optionsOf } from "../parse/option-of.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["image", "push"],
  summary: "Send an image to a registry, with its kernel, for other bangers to pull",
  begins: ["imagePush"],
  arguments: [IMAGE_ARGUMENT, { name: "reference", help: "where to: host/name:tag" }],
  options: {
    ...optionsOf(PUSH_FIELDS, {}),
    progress: PROGRESS_OPTION,
  },
  details: `What is sent are the image's disks as they are, packed, and its kernel. \`banger image pull\` of it gives the same
image on another host. Credentials are those that \`docker login\` left. It is no container image: other engines copy
it, and do not run it.`,
  examples: [
    { line: "banger image push debian ghcr.io/owner/debian-vm:1", does: "Send it" },
    { line: "banger image push debian localhost:5000/debian-vm", does: "To a registry on this host" },
  ],
  async run(cli, { image, reference }, { insecure, progress }) {
    await operate(cli, "imagePush", { ref: image, reference, insecure }, progress, (sent) => {
      const bytes = sent.blobs.reduce((sum, blob) => sum + (blob.reused ? 0 : blob.sizeBytes), 0);
      const reused = sent.blobs.filter((blob) => blob.reused).length;
      const there = reused === 0 ? "" : `, ${reused} of ${sent.blobs.length} parts were there already`;
      cli.print(`Image ${sent.image} is at ${sent.reference}: ${formatBytes(bytes)} sent${there}.`);
      cli.note(`Its digest is ${sent.digest}`);
    });
  },
});
