import { readFile } from "node:fs/promises";
import { getStaticTOMLValue, parseTOML, type AST } from "toml-eslint-parser";
import type { z } from "zod";
import { BangerError, hasErrno } from "../lib/errors.ts";
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
  let tree: AST.TOMLProgram;
  try {
    tree = parseTOML(text);
  } catch (error) {
    const line = error instanceof Error && "lineNumber" in error ? Number(error.lineNumber) : 1;
    throw invalid(path, [`line ${line}: ${error instanceof Error ? error.message : String(error)}`], error);
  }
  const result = configSchema.safeParse(getStaticTOMLValue(tree));
  if (result.success) return result.data;
  throw invalid(
    path,
    result.error.issues.flatMap((issue) => explain(issue, tree)),
  );
}

function explain(issue: z.core.$ZodIssue, tree: AST.TOMLProgram): readonly string[] {
  const at = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `line ${lineOf(tree, [...at, key])}: unknown key "${[...at, key].join(".")}"`);
  }
  return [`line ${lineOf(tree, at)}: "${at.join(".")}": ${issue.message}`];
}

/** The line on which a key stands: the longest written prefix of its path, since a part of it may be a table's head. */
function lineOf(tree: AST.TOMLProgram, path: readonly string[]): number {
  let best = { depth: 0, line: 1 };
  const visit = (nodes: readonly (AST.TOMLKeyValue | AST.TOMLTable)[], prefix: readonly string[]): void => {
    for (const node of nodes) {
      const own =
        node.type === "TOMLTable"
          ? node.resolvedKey.map(String)
          : [...prefix, ...node.key.keys.map((key) => (key.type === "TOMLBare" ? key.name : key.value))];
      const shared = own.every((part, depth) => path[depth] === part);
      if (shared && own.length > best.depth) best = { depth: own.length, line: node.loc.start.line };
      if (node.type === "TOMLTable") visit(node.body, own);
      else if (node.value.type === "TOMLInlineTable") visit(node.value.body, own);
    }
  };
  visit(tree.body[0].body, []);
  return best.line;
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
