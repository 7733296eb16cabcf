import { commonOptions, type Command, type OptionSpec } from "../command.ts";
import { usageWords } from "../parse/name-words.ts";
import { columns } from "./columns.ts";
import { wrap } from "./wrap.ts";

/** What `--help` says of a command. */
export function commandHelp(command: Command): string {
  const name = command.name.join(" ");
  const options = Object.entries<OptionSpec>({ ...command.options, ...commonOptions(command) });
  const usage = ["banger", name, "[OPTIONS]", usageWords(command.arguments)].filter((word) => word !== "").join(" ");
  return [
    `${command.summary}\n`,
    `Usage: ${usage}\n`,
    ...(command.short === undefined ? [] : [`The same as: banger ${command.short}\n`]),
    ...(command.details === undefined ? [] : [`${wrap(command.details.split(/\s+/), 80)}\n`]),
    ...(command.arguments.length === 0
      ? []
      : [`Arguments:\n${columns(command.arguments.map(({ name, help }) => [name.toUpperCase(), help]))}\n`]),
    `Options:\n${columns(options.map(([option, spec]) => [optionWords(option, spec), optionHelp(spec)]))}\n`,
    `Examples:\n${command.examples.map(({ does, line }) => `  # ${does}\n  ${line}`).join("\n\n")}\n`,
  ].join("\n");
}

function optionWords(option: string, spec: OptionSpec): string {
  const short = spec.short === undefined ? "    " : `-${spec.short}, `;
  return `${short}--${option}${spec.type === "string" ? ` ${spec.value ?? "VALUE"}` : ""}`;
}

function optionHelp(spec: OptionSpec): string {
  return spec.type === "string" && spec.multiple ? `${spec.help} (may be repeated)` : spec.help;
}
