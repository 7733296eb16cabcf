import { KERNEL_BUILD_FIELDS } from "../../model/fields/kernel-fields.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { inputOf, optionsOf } from "../parse/option-of.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["kernel", "build"],
  summary: "Build a kernel from source",
  details:
    "Takes about a quarter of an hour of one processor, and no time where the same was built before. " +
    "generic-6.12 is made from kernel/generic.config; any other name needs --config.",
  begins: ["kernelBuild"],
  arguments: [{ name: "name", help: "what to build: generic-6.12, or a name for your own configuration" }],
  options: {
    ...optionsOf(KERNEL_BUILD_FIELDS, {}),
    progress: PROGRESS_OPTION,
  },
  examples: [
    { line: "banger kernel build generic-6.12", does: "The generic kernel, from what source is at hand" },
    { line: "banger kernel build mine --config ./my.config --from debian", does: "One of your own configuration" },
  ],
  async run(cli, { name }, { progress, ...options }) {
    const asked = given({ name, ...inputOf(KERNEL_BUILD_FIELDS, options) });
    const input = await checkOptions("kernelBuild", asked);
    await operate(cli, "kernelBuild", input, progress, (kernel) =>
      cli.print(`Kernel ${kernel.name} is here: Linux ${kernel.release}.`),
    );
  },
});
