import { readFile, stat } from "node:fs/promises";
import { BangerError } from "../../lib/errors.ts";
import type { OptionSpecs } from "../command.ts";
import { badUsage } from "./bad-usage.ts";
import { ownOption } from "./own-option.ts";

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MAX_ENV_FILE_BYTES = 1024 ** 2;

export const ENV_OPTIONS = {
  env: {
    type: "string",
    short: "e",
    multiple: true,
    value: "NAME[=VALUE]",
    help: "set a variable; without a value, as it is here",
    read: readAssignment,
  },
  "env-file": {
    ...ownOption({ kind: "text", value: "FILE", help: "set variables from a file of NAME=VALUE lines" }),
    multiple: true,
  },
} as const satisfies OptionSpecs;

/** A variable that is set; without a value it is taken from here, if it is set here. */
export interface Assignment {
  readonly name: string;
  readonly value?: string;
}

/**
 * The variables that `--env` and `--env-file` set; `--env` has the last word.
 *
 * @param own the environment that a bare NAME takes its value from.
 * @throws BangerError `BAD_USAGE`, `FILE_UNREADABLE`.
 */
export async function readEnv(
  assignments: readonly Assignment[],
  files: readonly string[],
  own: NodeJS.ProcessEnv,
): Promise<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const file of files) Object.assign(env, parseEnvFile(await readEnvFile(file), file, own));
  for (const assignment of assignments) Object.assign(env, valueOf(assignment, own));
  return env;
}

/** Lines of NAME=VALUE; blank ones and those that begin with # say nothing. Values are taken as they are. */
export function parseEnvFile(text: string, file: string, own: NodeJS.ProcessEnv): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    Object.assign(env, valueOf(readAssignment(line, `${file}, line ${index + 1}`), own));
  }
  return env;
}

/**
 * Reads NAME=VALUE, or NAME.
 *
 * @param where it stands, for the error.
 * @throws BangerError `BAD_USAGE`.
 */
export function readAssignment(text: string, where: string): Assignment {
  const equals = text.indexOf("=");
  const name = (equals === -1 ? text : text.slice(0, equals)).trim();
  if (!NAME.test(name)) {
    throw badUsage(`${where}: "${name}" cannot name a variable`, "write NAME=VALUE, the name in letters, digits and _");
  }
  return equals === -1 ? { name } : { name, value: text.slice(equals + 1) };
}

function valueOf({ name, value }: Assignment, own: NodeJS.ProcessEnv): Record<string, string> {
  const found = value ?? own[name];
  return found === undefined ? {} : { [name]: found };
}

async function readEnvFile(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_ENV_FILE_BYTES) throw new Error(`it has ${size} bytes; the limit is ${MAX_ENV_FILE_BYTES}`);
    return await readFile(file, "utf8");
  } catch (error) {
    throw new BangerError("FILE_UNREADABLE", {
      what: `cannot read ${file}`,
      ...(error instanceof Error && { why: error.message }),
      fix: "give --env-file a text file that you may read",
      cause: error,
    });
  }
}
