import type { OptionSpecs, OptionValues } from "../command.ts";
import type { Io } from "../io.ts";
import { badUsage } from "../parse/bad-usage.ts";

export const TTY_OPTIONS = {
  tty: { type: "boolean", short: "t", help: "give the command a terminal; the default where we have one ourselves" },
  "no-tty": { type: "boolean", short: "T", help: "give it none" },
  interactive: { type: "boolean", short: "i", help: "send stdin even if it is a terminal and the command has none" },
} as const satisfies OptionSpecs;

/** How our streams and a guest's command are joined. */
export interface TtyMode {
  /** The command's terminal; absent where it has none. */
  readonly size?: { readonly rows: number; readonly cols: number; readonly term: string };
  readonly sendsStdin: boolean;
}

/**
 * A terminal by default where both our stdin and stdout are one.
 *
 * @throws BangerError `BAD_USAGE` for options that contradict each other.
 */
export function ttyMode(io: Io, options: OptionValues<typeof TTY_OPTIONS>): TtyMode {
  if (options.tty && options["no-tty"]) throw badUsage("--tty and --no-tty contradict each other", "give one of them");
  const terminal = io.stdin.isTTY === true && io.stdout.isTTY === true;
  const tty = options.tty || (terminal && !options["no-tty"]);
  const sendsStdin = tty || options.interactive || io.stdin.isTTY !== true;
  if (!tty) return { sendsStdin };
  return { sendsStdin, size: { ...windowSize(io), term: io.env["TERM"] ?? "xterm-256color" } };
}

export function windowSize(io: Io): { readonly rows: number; readonly cols: number } {
  // Some terminals say 0 when they do not know.
  return { rows: io.stdout.rows || 24, cols: io.stdout.columns || 80 };
}
