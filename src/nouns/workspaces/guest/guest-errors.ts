import { BangerError } from "../../../lib/errors.ts";
import type { SideCommand } from "./guest-side.ts";

/** A command in the guest that failed, with what it says. */
export function guestGitFailed({ argv }: Pick<SideCommand, "argv">, status: number, said: string): BangerError {
  const shown = argv[0] === "sh" ? "the workspace's script" : argv.slice(0, 2).join(" ");
  return new BangerError("GUEST_GIT_FAILED", {
    what: `${shown} failed in the guest`,
    why: said === "" ? `it ended with status ${status}` : said,
    fix: "look at the workspace in the guest with `banger workspace exec`",
    data: { status },
  });
}

/** A guest without git: it can hold no workspace. */
export function lacksGit(vm: string, cause?: unknown): BangerError {
  return new BangerError("GUEST_LACKS_GIT", {
    what: `VM ${vm} has no git`,
    why: "a workspace is a work tree of git's in the guest",
    fix: `install it there, as in \`banger vm exec ${vm} -- apt-get install -y git\`, or take an image that has it`,
    cause,
  });
}
