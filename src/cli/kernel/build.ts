import type { Input } from "../../client/client.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { absolutePath } from "../parse/local-paths.ts";
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
    config: { type: "string", value: "FILE", help: "options on top of allnoconfig, in place of generic.config" },
    from: { type: "string", value: "WHERE", help: "where the source is from: auto, kernel.org or debian" },
    jobs: {
      type: "string",
      value: "N",
      help: "compile N files at a time; as many as there are processors unless told",
    },
    progress: PROGRESS_OPTION,
  },
  examples: [
    { line: "banger kernel build generic-6.12", does: "The generic kernel, from what source is at hand" },
    { line: "banger kernel build mine --config ./my.config --from debian", does: "One of your own configuration" },
  ],
  async run(cli, { name }, { config, from, jobs, progress }) {
    if (jobs !== undefined && !/^\d{1,4}$/.test(jobs)) throw badUsage(`--jobs cannot be "${jobs}"`, "give a number");
    const asked = given({
      name,
      config: absolutePath(config, process.cwd()),
      from: from as Input<"kernelBuild">["from"],
      jobs: jobs === undefined ? undefined : Number(jobs),
    });
    const input = await checkOptions("kernelBuild", asked);
    await operate(cli, "kernelBuild", input, progress, (kernel) =>
      cli.print(`Kernel ${kernel.name} is here: Linux ${kernel.release}.`),
    );
  },
});
