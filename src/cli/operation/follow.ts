import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["operation", "follow"],
  summary: "Follow what is under way to its end",
  arguments: [{ name: "id", help: "as `banger operation list` shows it" }],
  options: { progress: PROGRESS_OPTION },
  details: "Ctrl-C ends the following, not what is followed. Prints the result as JSON, or fails as it fails.",
  examples: [{ line: "banger operation follow op-0123456789abcdef", does: "See how far a pull is" }],
  async run(cli, { id }, { progress }) {
    await operate(cli, "operationFollow", { id }, progress, (result) => cli.printJson(result));
  },
});
