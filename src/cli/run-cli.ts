import { asBangerError, hasErrno, type BangerError } from "../lib/errors.ts";
import { createCli } from "./cli.ts";
import type { Command } from "./command.ts";
import { commandHelp } from "./help/command-help.ts";
import { nounHelp, overview } from "./help/overview.ts";
import type { Io } from "./io.ts";
import { printError } from "./output/error-text.ts";
import { asksForHelp, asksForJson } from "./parse/asks.ts";
import { findCommand } from "./parse/find-command.ts";
import { parseGlobal } from "./parse/parse-global.ts";
import { parseWords } from "./parse/parse-words.ts";

/**
 * Runs one command line to its end and prints what went wrong.
 *
 * @param words what stands after `banger`.
 * @returns the exit status.
 */
export async function runCli(commands: readonly Command[], words: readonly string[], io: Io): Promise<number> {
  // A reader that had enough (`| head`) is no error; the write that follows ends the command.
  io.stdout.on("error", () => {});
  io.stderr.on("error", () => {});
  try {
    return await dispatch(commands, words[0] === "--version" ? ["version", ...words.slice(1)] : words, io);
  } catch (error) {
    if (hasErrno(error, "EPIPE")) return 0;
    const known = asBangerError(error);
    printError(known, io, asksForJson(words));
    return exitStatus(known);
  }
}

/** A command that could not even be started ends as it would in a shell: 127 where it is not there, 126 where it is none. */
function exitStatus(error: BangerError): number {
  const { exitCode } = error.data;
  return error.code === "EXEC_FAILED" && typeof exitCode === "number" ? exitCode : error.exit;
}

async function dispatch(commands: readonly Command[], words: readonly string[], io: Io): Promise<number> {
  const found = findCommand(commands, words);
  if (found.kind === "command" && !asksForHelp(found.rest)) {
    const { args, options } = parseWords(found.command, found.rest);
    const status = await found.command.run(createCli(io, commands, options["json"] === true), args, options);
    return status ?? 0;
  }
  if (found.kind === "overview") parseGlobal(words);
  io.stdout.write(
    found.kind === "command"
      ? commandHelp(found.command)
      : found.kind === "noun"
        ? nounHelp(commands, found.noun)
        : overview(commands),
  );
  return 0;
}
