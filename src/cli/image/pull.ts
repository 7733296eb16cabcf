import { formatBytes } from "../../lib/bytes.ts";
import { PULL_FIELDS } from "../../model/fields/image-fields.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { absoluteReference } from "../parse/local-paths.ts";
import { inputOf, optionsOf } from "../parse/option-of.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["image", "pull"],
  summary: "Turn a container image into a VM image",
  begins: ["imagePull"],
  arguments: [
    {
      name: "reference",
      help: "as debian:bookworm, host:port/name@sha256:…, oci:DIR, oci-archive:FILE",
    },
  ],
  options: {
    ...optionsOf(PULL_FIELDS, {}),
    progress: PROGRESS_OPTION,
  },
  examples: [
    { line: "banger image pull debian:bookworm", does: "From Docker Hub" },
    {
      line: "banger image pull ghcr.io/owner/app:v1 --name app --kernel-ref debian-cloud",
      does: "From elsewhere, named",
    },
    { line: "banger image pull oci-archive:./app.tar", does: "From a file" },
    { line: "banger image pull debian:bookworm --init systemd", does: "With systemd and sshd, by its own apt" },
  ],
  async run(cli, { reference }, options) {
    const input = given({
      reference: absoluteReference(reference, process.cwd()),
      ...inputOf(PULL_FIELDS, options),
    });
    await checkOptions("imagePull", input);
    await operate(cli, "imagePull", input, options.progress, (image) => {
      cli.print(`Image ${image.name} is here: ${formatBytes(image.size)}, ${image.system.osName ?? "no os-release"}.`);
      cli.note(`Make a VM of it with: banger vm create --image ${image.name}`);
    });
  },
});
