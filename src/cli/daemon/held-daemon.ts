import { createClient } from "../../client/client.ts";
import { BangerError } from "../../lib/errors.ts";
import type { Cli } from "../command.ts";

/** Asks the daemon how it is, one of an earlier version, too; one that runs and does not answer is told of by its process. */
export async function askStatus(cli: Cli) {
  try {
    return await cli.shyClient.call("daemonStatus", {});
  } catch (error) {
    if (!(error instanceof BangerError) || error.code !== "DAEMON_UNREACHABLE") throw error;
    // Loaded here: it takes as long to load as the rest of the command to run.
    const { earlierSocket, whyUnreachable } = await import("../../client/daemon-holder.ts");
    const socketPath = await earlierSocket(cli.layout);
    if (socketPath !== undefined) return await createClient({ socketPath }).call("daemonStatus", {});
    throw (await whyUnreachable(cli.layout)) ?? error;
  }
}
