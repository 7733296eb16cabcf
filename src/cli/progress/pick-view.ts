import type { Cli } from "../command.ts";
import { ownOption } from "../parse/own-option.ts";
import { plainJson } from "../output/plain-text.ts";
import { bars } from "./bars.ts";
import { lines } from "./lines.ts";
import type { ProgressView } from "./progress-view.ts";

const MODES = ["auto", "bars", "lines", "json", "none"] as const;
export type ProgressMode = (typeof MODES)[number];

/** The option of every command that takes long. */
export const PROGRESS_OPTION = ownOption({
  kind: "choice",
  values: MODES,
  value: "MODE",
  help: "auto, bars, lines, json or none, on stderr; auto is none with --json",
});

/** Picks how progress is shown: bars on a terminal, lines elsewhere, nothing with `--json`. */
export function progressView(cli: Cli, asked: ProgressMode | undefined): ProgressView {
  const { stderr, env } = cli.io;
  const mode = resolve(asked ?? "auto", cli.json, stderr.isTTY === true && env["TERM"] !== "dumb");
  if (mode === "bars") return bars(stderr);
  if (mode === "lines") return lines(stderr);
  return {
    sink(event) {
      if (mode === "json") stderr.write(`${plainJson({ progress: event })}\n`);
    },
    finish: () => {},
  };
}

function resolve(mode: ProgressMode, json: boolean, terminal: boolean): Exclude<ProgressMode, "auto"> {
  if (mode !== "auto") return mode;
  if (json) return "none";
  return terminal ? "bars" : "lines";
}
