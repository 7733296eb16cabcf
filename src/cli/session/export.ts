import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import { SESSION_ARGUMENT, VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { ownOption } from "../parse/own-option.ts";

export default command({
  name: ["session", "export"],
  summary: "Save what a session has shown as a recording",
  arguments: [VM_ARGUMENT, SESSION_ARGUMENT],
  options: { asciicast: ownOption({ kind: "text", value: "FILE", help: "for asciinema; - is stdout" }) },
  examples: [{ line: "banger session export demo work --asciicast work.cast", does: "For `asciinema play work.cast`" }],
  async run(cli, { vm: ref, session: name }, { asciicast }) {
    if (asciicast === undefined) throw badUsage("there is no file to write", "give one with --asciicast FILE");
    const recording = cli.client.text("vmSessionExport", { ref, name });
    if (asciicast === "-") return pipeline(recording, cli.io.stdout, { end: false });
    try {
      // What is there is not ours to replace.
      await pipeline(recording, createWriteStream(asciicast, { flags: "wx" }));
    } catch (error) {
      if (!hasErrno(error, "EEXIST")) throw error;
      throw new BangerError("FILE_EXISTS", {
        what: `${asciicast} is there already`,
        fix: "choose another name, or write to stdout with --asciicast -",
      });
    }
    if (cli.json) cli.printJson({ file: asciicast });
    else cli.print(`The recording is ${asciicast}.`);
  },
});
