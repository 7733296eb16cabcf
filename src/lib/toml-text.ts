import { getStaticTOMLValue, parseTOML, type AST } from "toml-eslint-parser";

/** A TOML document, and where each of its keys stands. */
export interface TomlText {
  readonly value: unknown;
  /** The line on which a key stands: that of the longest written prefix of its path, since a part of it may be a table's head. */
  readonly lineOf: (path: readonly string[]) => number;
}

/** What is wrong with a text that is no TOML. */
export interface TomlMistake {
  readonly line: number;
  readonly message: string;
}

/** Reads a TOML document; a mistake is returned, not thrown, for the caller to say whose text it is. */
export function readToml(text: string): TomlText | TomlMistake {
  try {
    const tree = parseTOML(text);
    return { value: getStaticTOMLValue(tree), lineOf: (path) => lineOf(tree, path) };
  } catch (error) {
    const line = error instanceof Error && "lineNumber" in error ? Number(error.lineNumber) : 1;
    return { line, message: error instanceof Error ? error.message : String(error) };
  }
}

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
