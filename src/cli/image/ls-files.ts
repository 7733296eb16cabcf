import { pipeline } from "node:stream/promises";
import { textLines } from "../../client/text-lines.ts";
import { FILES_FIELDS } from "../../model/fields/image-fields.ts";
import type { ImageFile } from "../../model/image-file.ts";
import { IMAGE_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { longLine } from "../output/file-line.ts";
import { optionsOf } from "../parse/option-of.ts";

/** A path has at most a MiB, and each of its bytes at most four characters; so has a link's target. */
const MAX_LINE_BYTES = 16 * 1024 ** 2;

export default command({
  name: ["image", "ls-files"],
  summary: "List files in an image, without booting it",
  arguments: [
    IMAGE_ARGUMENT,
    { name: "path", kind: "optional", help: "from the image's root; all of that unless given" },
  ],
  options: {
    long: { type: "boolean", short: "l", help: "tell mode, links, owner, size and time as well" },
    ...optionsOf(FILES_FIELDS, {}),
  },
  details: String.raw`Links on the way are followed as the guest would, never out of the image. Bytes of a name that a terminal should
not get are written as \x1b, and a backslash twice; paths may be given like that, too.`,
  examples: [
    { line: "banger image ls-files debian /etc", does: "Names in a folder" },
    { line: "banger image ls-files debian -l -R /usr/lib/systemd", does: "All below it, as ls -l tells" },
    { line: "banger image ls-files debian --json /etc/passwd", does: "One file, for a program" },
  ],
  async run(cli, { image, path }, { long, recursive }) {
    const input = { ref: image, recursive, ...(path !== undefined && { path }) };
    const lines = textLines(cli.client.text("imageFiles", input), MAX_LINE_BYTES);
    const shown = cli.json ? jsonArray(lines) : textOf(lines, long);
    await pipeline(shown, cli.io.stdout, { end: false });
  },
});

async function* textOf(lines: AsyncIterable<string>, long: boolean): AsyncGenerator<string> {
  for await (const line of lines) {
    const file = JSON.parse(line) as ImageFile;
    yield `${long ? longLine(file) : file.path}\n`;
  }
}

/** The lines as one array, without ever holding it. */
async function* jsonArray(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let before = "[\n";
  for await (const line of lines) {
    yield `${before}  ${line}`;
    before = ",\n";
  }
  yield before === "[\n" ? "[]\n" : "\n]\n";
}
