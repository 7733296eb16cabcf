import type { Cli, OptionSpec } from "../command.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { plainJson } from "../output/plain-text.ts";
import { bars } from "./bars.ts";
import { lines } from "./lines.ts";
import type { ProgressView } from "./progress-view.ts";

const MODES = ["auto", "bars", "lines", "json", "none"] as const;
type Mode = (typeof MODES)[number];

/** The option of every command that takes long. */
export const PROGRESS_OPTION = {
  type: "string",
  value: "MODE",
  help: "auto, bars, lines, json or none, on stderr; auto is none with --json",
} as const satisfies OptionSpec;

/**
 * Picks how progress is shown: bars on a terminal, lines elsewhere, nothing with `--json`.
 *
 * @throws BangerError `BAD_USAGE` for a mode that there is not.
 */
export function progressView(cli: Cli, asked: string | undefined): ProgressView {
  const { stderr, env } = cli.io;
  const mode = resolve(asked, cli.json, stderr.isTTY === true && env["TERM"] !== "dumb");
  if (mode === "bars") return bars(stderr);
  if (mode === "lines") return lines(stderr);
  return {
    sink(event) {
      if (mode === "json") stderr.write(`${plainJson({ progress: event })}\n`);
    },
    finish: () => {},
  };
}

function resolve(asked: string | undefined, json: boolean, terminal: boolean): Exclude<Mode, "auto"> {
  const mode = asked ?? "auto";
  if (!isMode(mode)) throw badUsage(`--progress cannot be "${mode}"`, `choose one of ${MODES.join(", ")}`);
  if (mode !== "auto") return mode;
  if (json) return "none";
  return terminal ? "bars" : "lines";
}

function isMode(text: string): text is Mode {
  return MODES.some((mode) => mode === text);
}
