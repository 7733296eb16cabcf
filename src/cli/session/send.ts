import { createReadStream } from "node:fs";
import { SESSION_ARGUMENT, VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { withInterrupts } from "../interrupts.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { keyBytes } from "../parse/key-option.ts";
import { ownOption } from "../parse/own-option.ts";

export default command({
  name: ["session", "send"],
  summary: "Type into a session",
  arguments: [
    VM_ARGUMENT,
    SESSION_ARGUMENT,
    { name: "text", kind: "rest", help: "what is typed; several words have a blank between" },
  ],
  options: {
    key: {
      ...ownOption({
        kind: "text",
        short: "k",
        value: "KEY",
        help: "then this key: Enter, Tab, Escape, Up, PageDown, F5, C-c, M-x",
      }),
      multiple: true,
    },
    file: ownOption({ kind: "text", value: "FILE", help: "in place of the text, what a file holds; - is stdin" }),
    end: { type: "boolean", help: "then end its stdin; on a terminal, type Ctrl-D" },
  },
  details: `Whoever is attached, what is sent comes in one piece. It waits while the command does not read.`,
  examples: [
    { line: "banger session send demo work 'go on' --key Enter", does: "Answer a question" },
    { line: "banger session send demo work --key C-c", does: "Interrupt what runs on its terminal" },
    { line: "banger session send demo sum --file data --end", does: "Feed it a file, and no more" },
  ],
  async run(cli, { vm: ref, session: name, text: words }, { key: keys, file, end }) {
    if (file !== undefined && (words.length > 0 || keys.length > 0)) {
      throw badUsage("--file takes the place of text and keys", "leave one of them out");
    }
    if (file === undefined && words.length === 0 && keys.length === 0 && !end) {
      throw badUsage("there is nothing to send", "give text, --key, --file or --end");
    }
    // Without a terminal there is nobody who makes an end of a line of the Enter key.
    const { terminal } = await cli.client.call("vmSessionInspect", { ref, name });
    const typed = [words.join(" "), ...keys.map((key) => keyBytes(key, terminal !== undefined))].join("");
    const source =
      file === undefined ? once(Buffer.from(typed)) : file === "-" ? stdinOf(cli.io) : createReadStream(file);
    const sent = await withInterrupts(cli, (signal) =>
      cli.client.upload("vmSessionSend", { ref, name, end }, source, { signal }),
    );
    if (cli.json) cli.printJson(sent);
  },
});

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

async function* stdinOf({ stdin }: { readonly stdin: NodeJS.ReadableStream }): AsyncGenerator<Uint8Array> {
  for await (const chunk of stdin) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}
