import { KERNEL_PULL_FIELDS } from "../../model/fields/kernel-fields.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { inputOf, optionsOf } from "../parse/option-of.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["kernel", "pull"],
  summary: "Get a kernel from its makers, verified",
  details:
    "debian-cloud comes from a Debian mirror, verified as apt does. Other names are looked up in the catalogs of " +
    "[[kernel_catalogs]] in config.toml, whose signatures are checked; `banger kernel catalog` lists what they offer. " +
    "Pulled again, a newer version takes the name; images and VMs go on with the one before, which is called by its " +
    "version then, until `banger image refresh` and `banger vm rebase` move them on.",
  begins: ["kernelPull"],
  arguments: [{ name: "source", help: "what to get: debian-cloud, or a name in a catalog" }],
  options: {
    ...optionsOf(KERNEL_PULL_FIELDS, {}),
    progress: PROGRESS_OPTION,
  },
  examples: [
    {
      line: "banger kernel pull debian-cloud",
      does: "Debian's kernel for clouds, from the mirror of this host",
    },
    { line: "banger kernel pull generic-6.12", does: "banger's own, from a catalog that serves it" },
    { line: "banger kernel pull --build generic-6.12", does: "The same, built here where none does" },
  ],
  async run(cli, { source }, { progress, ...options }) {
    const asked = given({ source, ...inputOf(KERNEL_PULL_FIELDS, options) });
    const input = await checkOptions("kernelPull", asked);
    await operate(cli, "kernelPull", input, progress, (kernel) =>
      cli.print(`Kernel ${kernel.name} is here: Linux ${kernel.release}.`),
    );
  },
});
