import { formatBytes } from "../../lib/bytes.ts";
import type { Input } from "../../client/client.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { absoluteReference } from "../parse/local-paths.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["image", "pull"],
  summary: "Turn a container image into a VM image",
  arguments: [
    {
      name: "reference",
      help: "as debian:bookworm, host:port/name@sha256:…, oci:DIR, oci-archive:FILE",
    },
  ],
  options: {
    name: { type: "string", value: "NAME", help: "what to call it; made from the reference unless told" },
    "kernel-ref": { type: "string", value: "KERNEL", help: "boot its VMs with this kernel" },
    insecure: { type: "boolean", help: "speak to the registry without TLS; on loopback this needs no saying" },
    init: {
      type: "string",
      value: "POLICY",
      help: "PID 1 of its VMs: auto, agent, or systemd, installed where missing",
    },
    "allow-host": { type: "boolean", help: "let that installation reach what listens on this host, as a mirror may" },
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
      name: options.name,
      kernel: options["kernel-ref"],
      insecure: options.insecure,
      // Held against the contract with everything else.
      init: options.init as Input<"imagePull">["init"],
      allowHost: options["allow-host"] || undefined,
    });
    await checkOptions("imagePull", input, { name: "--name", kernel: "--kernel-ref", init: "--init" });
    const image = await operate(cli, "imagePull", input, options.progress);
    if (cli.json) return cli.printJson(image);
    cli.print(`Image ${image.name} is here: ${formatBytes(image.size)}, ${image.system.osName ?? "no os-release"}.`);
    cli.note(`Make a VM of it with: banger vm create --image ${image.name}`);
  },
});
