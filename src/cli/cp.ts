import { throttleProgress } from "../lib/progress.ts";
import { GUEST_FILE_FIELDS } from "../model/fields/guest-file-fields.ts";
import { command } from "./command.ts";
import { withInterrupts } from "./interrupts.ts";
import { agentProgram } from "./programs.ts";
import { optionsOf } from "./parse/option-of.ts";
import { PROGRESS_OPTION, progressView } from "./progress/pick-view.ts";

export default command({
  name: ["cp"],
  summary: "Copy files between this host and VMs, or from VM to VM",
  arguments: [
    { name: "source", help: "a path of this host, VM:PATH, or - for a tar archive on stdin" },
    { name: "target", help: "the same; - writes a tar archive to stdout" },
  ],
  options: {
    recursive: { type: "boolean", short: "r", help: "a folder with all that is in it" },
    ...optionsOf(GUEST_FILE_FIELDS, {}),
    progress: PROGRESS_OPTION,
  },
  details: `Needs no ssh and no network. A target that is a folder gets the copy by its own name, any other becomes the copy. A path of a
VM is below its user's home unless it begins with a slash. Each file gets its name when it is whole; after a cut, copy again. What
comes from this host belongs to the guest's user, what comes from a VM to its owners there, and here to you. Write ./a:b for a
file of this host that has a colon.`,
  examples: [
    { line: "banger cp -r site demo:/srv", does: "Copy a folder into a VM" },
    { line: "banger cp demo:/var/log/syslog .", does: "Copy a file out of one" },
    { line: "banger cp -r one:/srv/data two:/srv/data", does: "From VM to VM, with owners" },
    { line: "banger cp demo:/etc - | tar -t", does: "Stream an archive" },
  ],
  async run(cli, { source, target }, { recursive, follow, user = "", owner, progress }) {
    const [{ copy }, { readEnd }] = await Promise.all([import("./copy/copy.ts"), import("./copy/ends.ts")]);
    const view = progressView(cli, progress);
    const { client, io } = cli;
    try {
      const copied = await withInterrupts(cli, (signal) =>
        copy(readEnd(source), readEnd(target), {
          client,
          io,
          recursive,
          follow,
          user,
          owner,
          signal,
          agent: agentProgram(io.env),
          progress: throttleProgress(view.sink),
        }),
      );
      view.finish();
      if (cli.json && target !== "-") cli.printJson(copied);
    } finally {
      view.finish();
    }
  },
});
