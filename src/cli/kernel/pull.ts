import type { Input } from "../../client/client.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["kernel", "pull"],
  summary: "Get a kernel from its makers, verified",
  arguments: [{ name: "source", help: "what to get: debian-cloud" }],
  options: {
    name: { type: "string", value: "NAME", help: "what to call it; as its source unless told" },
    progress: PROGRESS_OPTION,
  },
  examples: [
    {
      line: "banger kernel pull debian-cloud",
      does: "Debian's kernel for clouds, from the mirror of this host, verified as apt does",
    },
  ],
  async run(cli, { source }, { name, progress }) {
    const asked = given({ source: source as Input<"kernelPull">["source"], name });
    const input = await checkOptions("kernelPull", asked, { name: "--name", source: "the source" });
    const kernel = await operate(cli, "kernelPull", input, progress);
    if (cli.json) cli.printJson(kernel);
    else cli.print(`Kernel ${kernel.name} is here: Linux ${kernel.release}.`);
  },
});
