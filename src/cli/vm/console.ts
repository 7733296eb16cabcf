import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { VM_ARGUMENT } from "../arguments.ts";
import { command } from "../command.ts";
import { bridge } from "../terminal/bridge.ts";
import { untilEscape } from "../terminal/escape.ts";
import { withRawMode } from "../terminal/raw-mode.ts";

export default command({
  name: ["vm", "console"],
  summary: "Attach to a VM's serial console",
  arguments: [VM_ARGUMENT],
  options: {},
  details: "For looking at a guest that does not come up. For work, `banger vm ssh` and `banger vm exec` serve better.",
  examples: [{ line: "banger vm console demo", does: "Attach; Ctrl-] leaves" }],
  async run(cli, { vm: ref }) {
    const { stdin, stdout } = cli.io;
    const console = await cli.client.socket("vmConsole", { ref });
    if (stdin.isTTY !== true) return bridge(console, cli.io);
    cli.note(`Attached to the console of ${ref}. Leave with Ctrl-]. Press Enter if it shows nothing.`);
    await withRawMode(cli.io, async () => {
      const typed = new PassThrough();
      stdin.pipe(typed);
      const sending = pipeline(untilEscape(typed), console).catch(() => {});
      const showing = pipeline(console, stdout, { end: false });
      // Leaving ends what is sent; the guest has no reason to end its side.
      await Promise.race([sending, showing]);
      stdin.unpipe(typed);
      console.destroy();
    });
    cli.note("\nDetached.");
  },
});
