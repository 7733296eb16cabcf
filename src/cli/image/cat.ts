import { StringDecoder } from "node:string_decoder";
import { pipeline } from "node:stream/promises";
import { IMAGE_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { plainText } from "../output/plain-text.ts";

export default command({
  name: ["image", "cat"],
  summary: "Print a file of an image, without booting it",
  arguments: [IMAGE_ARGUMENT, { name: "path", help: "from the image's root, as `image ls-files` writes it" }],
  options: {},
  details: `Its bytes as they are; on a terminal, control characters are shown as \\x1b instead of being acted on.`,
  examples: [
    { line: "banger image cat debian /etc/os-release", does: "Print it" },
    { line: "banger image cat debian /usr/bin/bash > bash", does: "Take it out" },
  ],
  async run(cli, { image, path }) {
    const content = cli.client.text("imageFile", { ref: image, path });
    const { stdout } = cli.io;
    const isTerminal = "isTTY" in stdout && stdout.isTTY;
    await pipeline(isTerminal ? shownSafely(content) : content, stdout, { end: false });
  },
});

async function* shownSafely(content: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  for await (const chunk of content) yield plainText(decoder.write(Buffer.from(chunk)));
  yield plainText(decoder.end());
}
