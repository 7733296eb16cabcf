import { KERNEL_IMPORT_FIELDS } from "../../model/fields/kernel-fields.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { inputOf, optionsOf } from "../parse/option-of.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["kernel", "import"],
  summary: "Copy a kernel from files of yours",
  begins: ["kernelImport"],
  arguments: [{ name: "name", help: "what to call it" }],
  options: {
    ...optionsOf(KERNEL_IMPORT_FIELDS, {}),
    progress: PROGRESS_OPTION,
  },
  examples: [
    { line: "banger kernel import mine --vmlinux ./vmlinux", does: "A kernel that has all it needs built in" },
    {
      line: "banger kernel import host --vmlinux /boot/vmlinuz --modules /lib/modules/6.1.0-cloud-amd64",
      does: "One that needs modules",
    },
  ],
  async run(cli, { name }, { progress, ...files }) {
    const { vmlinux } = files;
    if (vmlinux === undefined) throw badUsage("--vmlinux is missing", "give the kernel: --vmlinux FILE");
    const asked = given({ name, ...inputOf(KERNEL_IMPORT_FIELDS, files), vmlinux });
    const input = await checkOptions("kernelImport", asked);
    await operate(cli, "kernelImport", input, progress, (kernel) =>
      cli.print(`Kernel ${kernel.name} is here: Linux ${kernel.release}.`),
    );
  },
});
