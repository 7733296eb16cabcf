import { BangerError } from "../../lib/errors.ts";
import type { Command } from "../command.ts";

/**
 * An error in the words of the command line. The API names fields of the request, in backticks and in `data.fields`; in
 * their place stand the options, or arguments, by which the command called takes them; else those of another command.
 */
export function inWordsOfOptions(
  error: BangerError,
  called: Command | undefined,
  commands: readonly Command[],
): BangerError {
  const { code, what, why, fix, data, cause } = error;
  const fields = Array.isArray(data["fields"]) ? data["fields"].filter((field) => typeof field === "string") : [];
  if (fields.length === 0) return error;
  const near = commands.filter(({ name }) => name[0] === called?.name[0]);
  const all = [...(called === undefined ? [] : [called]), ...near, ...commands];
  const renamed = (text: string): string =>
    fields.reduce((words, field) => words.replaceAll(`\`${field}\``, wordOf(field, all)), text);
  return new BangerError(code, {
    what: renamed(what),
    ...(why !== undefined && { why: renamed(why) }),
    fix: renamed(fix),
    data,
    cause,
  });
}

/**
 * `memoryBytes` → `--memory`, `publish.0.hostPort` → `--publish.0.hostPort`, `service.restart` → `--restart`, which is that
 * part of the field; as it is where no command takes it.
 */
function wordOf(path: string, commands: readonly Command[]): string {
  const names = path.split(".");
  for (const command of commands) {
    for (let end = names.length; end > 0; end -= 1) {
      const field = names.slice(0, end).join(".");
      const word = optionOf(field, command) ?? argumentOf(field, command);
      if (word !== undefined) return [word, ...names.slice(end)].join(".");
    }
  }
  return `\`${path}\``;
}

/** An option says which field it is for, or is called like it: `kernelRef`, `--kernel-ref`. */
function optionOf(field: string, { options }: Command): string | undefined {
  const alike = field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const said = Object.entries(options).find(([, spec]) => spec.field === field)?.[0];
  const option = said ?? (Object.hasOwn(options, alike) && options[alike]?.field === undefined ? alike : undefined);
  return option === undefined ? undefined : `--${option}`;
}

function argumentOf(field: string, command: Command): string | undefined {
  return command.arguments.some(({ name }) => name === field) ? `the ${field}` : undefined;
}
