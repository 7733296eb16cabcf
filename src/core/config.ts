import { readFile } from "node:fs/promises";
import type { z } from "zod";
import { BangerError, hasErrno } from "../lib/errors.ts";
import { readToml, type TomlText } from "../lib/toml-text.ts";
import { configSchema, type Config } from "../model/config.ts";

const MAX_CONFIG_BYTES = 1024 ** 2;

/**
 * Reads `config.toml`; where there is none, every default holds.
 *
 * @throws BangerError `CONFIG_INVALID` that names file, line and key of each mistake.
 */
export async function loadConfig(path: string): Promise<Config> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return configSchema.parse({});
    throw invalid(path, [error instanceof Error ? error.message : String(error)], error);
  }
  if (text.length > MAX_CONFIG_BYTES) throw invalid(path, [`it is larger than ${MAX_CONFIG_BYTES} bytes`]);
  return parseConfig(text, path);
}

/** The pure part of {@link loadConfig}; `path` is for messages. */
export function parseConfig(text: string, path: string): Config {
  const toml = readToml(text);
  if ("message" in toml) throw invalid(path, [`line ${toml.line}: ${toml.message}`]);
  const result = configSchema.safeParse(toml.value);
  if (result.success) return result.data;
  throw invalid(
    path,
    result.error.issues.flatMap((issue) => explain(issue, toml)),
  );
}

function explain(issue: z.core.$ZodIssue, { lineOf }: TomlText): readonly string[] {
  const at = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `line ${lineOf([...at, key])}: unknown key "${[...at, key].join(".")}"`);
  }
  return [`line ${lineOf(at)}: "${at.join(".")}": ${issue.message}`];
}

function invalid(path: string, mistakes: readonly string[], cause?: unknown): BangerError {
  return new BangerError("CONFIG_INVALID", {
    what: `${path} is not a valid configuration`,
    why: mistakes.join("; "),
    fix: "correct it; the README lists every key, and an empty file is a whole configuration",
    cause,
    data: { path, mistakes },
  });
}
