import { createReadStream } from "node:fs";
import { dirname, resolve } from "node:path";
import { BangerError } from "../../lib/errors.ts";
import type { TomlText } from "../../lib/toml-text.ts";
import type { OptionSpec, OptionSpecs } from "../command.ts";
import { badUsage } from "./bad-usage.ts";
import { nearest } from "./nearest.ts";

const MAX_FILE_BYTES = 1024 ** 2;

type Value = string | boolean | readonly string[] | undefined;
type Values = Readonly<Record<string, Value>>;

/**
 * Options of a command from a TOML file: its keys are the options without their dashes in front. What the command line
 * says wins: a single value stands in place of the file's, a list in place of its list; variables (`env`) are added to it.
 *
 * @param path of the file; `-` is standard input.
 * @param specs the options that may stand in the file.
 * @param given the options of the command line.
 * @throws BangerError `FILE_UNREADABLE`; `BAD_USAGE` that names the line of each mistake.
 */
export async function withOptionsFile<V extends Values>(path: string, specs: OptionSpecs, given: V): Promise<V> {
  const { readToml } = await import("../../lib/toml-text.ts");
  const toml = readToml(await readText(path));
  if ("message" in toml) throw mistakes(path, [`line ${toml.line}: ${toml.message}`]);
  const { values, wrong } = readOptions(toml, specs, path);
  if (wrong.length > 0) throw mistakes(path, wrong);
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, merge(name, value, values[name])]),
  ) as unknown as V;
}

function merge(name: string, given: Value, fromFile: Value): Value {
  if (Array.isArray(given)) {
    const list: readonly string[] = Array.isArray(fromFile) ? fromFile : [];
    // Of two assignments to a variable the later counts.
    if (name === "env" || name === "env-file") return [...list, ...given];
    return given.length > 0 ? given : list;
  }
  return typeof given === "boolean" ? given || fromFile === true : (given ?? fromFile);
}

interface FromFile {
  readonly values: Record<string, Value>;
  readonly wrong: readonly string[];
}

function readOptions({ value, lineOf }: TomlText, specs: OptionSpecs, path: string): FromFile {
  const values: Record<string, Value> = {};
  const wrong: string[] = [];
  for (const [key, found] of Object.entries(value as Record<string, unknown>)) {
    const line = `line ${lineOf([key])}`;
    const spec = Object.hasOwn(specs, key) ? specs[key] : undefined;
    if (spec === undefined) {
      const meant = nearest(key, Object.keys(specs));
      wrong.push(`${line}: unknown key "${key}"${meant === undefined ? "" : `; did you mean "${meant}"?`}`);
      continue;
    }
    const read = key === "env" ? assignments(found) : optionValue(found, spec);
    if (read === undefined) wrong.push(`${line}: "${key}" must be ${wanted(key, spec)}`);
    else values[key] = key === "env-file" ? besideFile(read, path) : read;
  }
  return { values, wrong };
}

/** undefined for what cannot be this option's value. */
function optionValue(found: unknown, spec: OptionSpec): Value {
  if (spec.type === "boolean") return typeof found === "boolean" ? found : undefined;
  if (spec.multiple !== true) return word(found);
  const words = (Array.isArray(found) ? found : [found]).map(word);
  return words.every((text) => text !== undefined) ? words : undefined;
}

/** A number as it is written, too: `vcpus = 4`. */
function word(found: unknown): string | undefined {
  if (typeof found === "string") return found;
  return typeof found === "number" && Number.isFinite(found) ? String(found) : undefined;
}

/** A table of variables, or a list of NAME=VALUE. */
function assignments(found: unknown): readonly string[] | undefined {
  if (Array.isArray(found)) return found.every((entry) => typeof entry === "string") ? found : undefined;
  if (typeof found !== "object" || found === null) return undefined;
  const entries = Object.entries(found).map(([name, value]) => [name, word(value)] as const);
  return entries.every(([, value]) => value !== undefined)
    ? entries.map(([name, value]) => `${name}=${value}`)
    : undefined;
}

function wanted(key: string, spec: OptionSpec): string {
  if (key === "env") return 'a table of variables, as in env = { MODE = "test" }';
  if (spec.type === "boolean") return "true or false";
  return spec.multiple === true ? "a list of strings" : "a string or a number";
}

/** Files that a file names lie beside it, wherever the command is run. */
function besideFile(value: Value, path: string): Value {
  if (!Array.isArray(value) || path === "-") return value;
  return value.map((name: string) => resolve(dirname(path), name));
}

async function readText(path: string): Promise<string> {
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of createReadStream(path === "-" ? "/dev/stdin" : path)) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
    }
    return Buffer.concat(chunks).toString("utf8");
  } catch (cause) {
    throw new BangerError("FILE_UNREADABLE", {
      what: `cannot read ${path}`,
      ...(cause instanceof Error && { why: cause.message }),
      fix: "give --file a TOML file that you may read",
      cause,
    });
  }
}

function mistakes(path: string, wrong: readonly string[]): BangerError {
  return badUsage(`${path}: ${wrong.join("; ")}`, "its keys are the command's options without `--`; see `--help`");
}
