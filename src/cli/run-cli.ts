import { asBangerError, hasErrno } from "../lib/errors.ts";
import { createCli } from "./cli.ts";
import type { Io } from "./io.ts";
import { asksForHelp, asksForJson } from "./parse/asks.ts";
import { findCommand } from "./parse/find-command.ts";
import { parseWords } from "./parse/parse-words.ts";

/**
 * Runs one command line to its end and prints what went wrong.
 *
 * @param words what stands after `banger`.
 * @returns the exit status.
 */
export async function runCli(words: readonly string[], io: Io): Promise<number> {
  // A reader that had enough (`| head`) is no error; the write that follows ends the command.
  io.stdout.on("error", () => {});
  io.stderr.on("error", () => {});
  try {
    return await dispatch(words, io);
  } catch (error) {
    if (hasErrno(error, "EPIPE")) return 0;
    const { printError } = await import("./output/error-text.ts");
    const known = asBangerError(error);
    printError(known, io, asksForJson(words));
    return known.exit;
  }
}

async function dispatch(words: readonly string[], io: Io): Promise<number> {
  if (words[0] === "--version") words = ["version", ...words.slice(1)];
  const found = findCommand(words);
  if (found.kind === "overview") {
    const { overview } = await import("./help/overview.ts");
    const { parseGlobal } = await import("./parse/parse-global.ts");
    parseGlobal(words);
    io.stdout.write(overview());
    return 0;
  }
  if (found.kind === "noun") {
    const { nounHelp } = await import("./help/overview.ts");
    io.stdout.write(nounHelp(found.noun));
    return 0;
  }
  const { entry, rest } = found;
  const { default: command } = await entry.load();
  if (asksForHelp(rest)) {
    const { commandHelp } = await import("./help/command-help.ts");
    io.stdout.write(commandHelp(entry, command));
    return 0;
  }
  const { args, options } = parseWords(command, rest, entry.words.join(" "));
  const status = await command.run(createCli(io, options["json"] === true), args, options);
  return status ?? 0;
}
