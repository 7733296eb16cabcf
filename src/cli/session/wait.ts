import { SESSION_ARGUMENT, VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { withStop } from "../interrupts.ts";
import { sessionState } from "../output/session-text.ts";

/** Nobody saw how it ended. */
const UNKNOWN_STATUS = 125;

export default command({
  name: ["session", "wait"],
  summary: "Wait until a session has ended",
  ownFailure: 125,
  arguments: [VM_ARGUMENT, SESSION_ARGUMENT],
  options: {},
  details: "Its exit status is that of the session's command; 125 where nobody saw how that ended.",
  examples: [{ line: "banger session wait demo build", does: "Its exit status tells a script how it went" }],
  async run(cli, { vm: ref, session: name }) {
    let status = UNKNOWN_STATUS;
    const stopped = await withStop(async (signal) => {
      const session = await cli.client.call("vmSessionWait", { ref, name }, { signal });
      status = session.exitCode ?? UNKNOWN_STATUS;
      if (cli.json) cli.printJson(session);
      else cli.note(`Session ${name} is ${sessionState(session)}.`);
    });
    return stopped === 0 ? status : stopped;
  },
});
