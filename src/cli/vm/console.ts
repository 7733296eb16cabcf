import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ErrorCode } from "../../lib/error-codes.ts";
import { BangerError } from "../../lib/errors.ts";
import { type Cli, command } from "../command.ts";
import { VM_ARGUMENT } from "../arguments.ts";
import { bridge } from "../terminal/bridge.ts";
import { untilEscape } from "../terminal/escape.ts";

/** An image that is gone, or that cannot be looked at. */
const UNREADABLE: readonly ErrorCode[] = ["IMAGE_NOT_FOUND", "RECORD_BROKEN"];

/** Whether an init of the guest's own may offer a login on its console; true where nobody knows. */
async function hasLogin(cli: Cli, ref: string): Promise<boolean> {
  const { spec, image, firstBoot } = await cli.client.call("vmInspect", { ref });
  if (spec.init === "agent") return false;
  if (firstBoot !== undefined) return true;
  try {
    const { system } = await cli.client.call("imageInspect", { ref: image.id });
    return system.init !== "none";
  } catch (error) {
    // The console of a VM is there without its image, too.
    if (error instanceof BangerError && UNREADABLE.includes(error.code)) return true;
    throw error;
  }
}

export default command({
  name: ["vm", "console"],
  summary: "Attach to a VM's serial console",
  arguments: [VM_ARGUMENT],
  options: {},
  details: "For looking at a guest that does not come up. For work, `banger vm ssh` and `banger vm exec` serve better.",
  examples: [{ line: "banger vm console demo", does: "Attach; Ctrl-] leaves" }],
  async run(cli, { vm: ref }) {
    const { stdin, stdout } = cli.io;
    if (stdin.isTTY !== true) return bridge(await cli.client.socket("vmConsole", { ref }), cli.io);
    const hint = (await hasLogin(cli, ref))
      ? "Press Enter if it shows nothing."
      : `There is nobody to log in with, since banger's agent is its init: for a shell, \`banger vm exec -t ${ref} -- sh\`.`;
    const { withRawMode } = await import("../terminal/raw-mode.ts");
    const console = await cli.client.socket("vmConsole", { ref });
    cli.note(`Attached to the console of ${ref}. Leave with Ctrl-]. ${hint}`);
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
