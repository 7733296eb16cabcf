import { asBangerError, BangerError, hasErrno } from "../lib/errors.ts";
import { createCli } from "./cli.ts";
import type { Command } from "./command.ts";
import { commandHelp } from "./help/command-help.ts";
import { nounHelp, overview } from "./help/overview.ts";
import type { Io } from "./io.ts";
import { printError } from "./output/error-text.ts";
import { inWordsOfOptions } from "./output/option-words.ts";
import { asksForHelp, asksForJson } from "./parse/asks.ts";
import { checkUtf8 } from "./parse/utf8-words.ts";
import { findCommand } from "./parse/find-command.ts";
import { parseGlobal } from "./parse/parse-global.ts";
import { withOptionsFile } from "./parse/options-file.ts";
import { parseWords } from "./parse/parse-words.ts";
import { type OptionWords, readOptions } from "./parse/read-options.ts";

/**
 * Runs one command line to its end and prints what went wrong.
 *
 * @param words what stands after `banger`.
 * @returns the exit status.
 */
export async function runCli(commands: readonly Command[], words: readonly string[], io: Io): Promise<number> {
  let lost: Error | undefined;
  io.stdout.on("error", (error: Error) => (lost ??= error));
  // Nobody is left to tell.
  io.stderr.on("error", () => {});
  try {
    checkUtf8(words);
    const status = await dispatch(commands, words[0] === "--version" ? ["version", ...words.slice(1)] : words, io);
    await flushed(io.stdout);
    // A reader that had enough (`| head`) is no error.
    if (lost === undefined || hasErrno(lost, "EPIPE")) return status;
    throw outputLost(lost);
  } catch (error) {
    if (hasErrno(error, "EPIPE")) return 0;
    const called = calledCommand(commands, words);
    const known = inWordsOfOptions(asBangerError(error), called, commands);
    printError(known, io, asksForJson(words));
    return exitStatus(known, called);
  }
}

/** Resolves once all that was written is out, or has failed: the stream's own error says which. */
async function flushed(stream: NodeJS.WritableStream): Promise<void> {
  await new Promise<void>((resolve) => void stream.write("", () => resolve()));
}

function outputLost(cause: Error): BangerError {
  return new BangerError("OUTPUT_FAILED", {
    what: "the output could not be written",
    why: cause.message,
    fix: "free space where it goes; what the command itself did is done, only its output is incomplete",
    cause,
  });
}

/**
 * A command of the guest's that could not even be started ends as it would in a shell: 127 where it is not there, 126
 * where it is none. What passes on a guest's status keeps banger's own failures out of that range.
 */
function exitStatus(error: BangerError, command: Command | undefined): number {
  const { exitCode } = error.data;
  if (error.code === "EXEC_FAILED" && typeof exitCode === "number") return exitCode;
  if (error.code === "CANCELLED") return error.exit;
  return command?.ownFailure ?? error.exit;
}

function calledCommand(commands: readonly Command[], words: readonly string[]): Command | undefined {
  try {
    const found = findCommand(commands, words);
    return found.kind === "command" ? found.command : undefined;
  } catch {
    return undefined;
  }
}

/** What a file says, too, where the command takes one. */
async function withFile({ inFile }: Command, typed: OptionWords): Promise<OptionWords> {
  const { file } = typed;
  return inFile === undefined || typeof file !== "string" ? typed : withOptionsFile(file, inFile, typed);
}

async function dispatch(commands: readonly Command[], words: readonly string[], io: Io): Promise<number> {
  const found = findCommand(commands, words);
  if (found.kind === "command" && !asksForHelp(found.rest)) {
    const { command } = found;
    const { args, options: typed } = parseWords(command, found.rest);
    const words = await withFile(command, typed);
    const options = readOptions(command.options, words) as Parameters<Command["run"]>[2];
    // A command with a --detach of its own means something else by it.
    const detach = command.begins !== undefined && words["detach"] === true;
    const cli = createCli(io, commands, { json: words["json"] === true, detach }, command);
    return (await command.run(cli, args, options)) ?? 0;
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
