import { argumentsAt, tokensOf, type Token } from "./tokens.ts";

/** The one module that removes, replaces, empties and ends. */
export const MODULE = "src/lib/destroy.ts";

/** Its functions, and what each does. */
export const DOES: Readonly<Record<string, string>> = {
  removeFile: "removes a file",
  removeFileSync: "removes a file",
  removeSocket: "removes a socket",
  removeTree: "removes a folder",
  replaceFile: "renames over",
  replaceFileSync: "renames over",
  setFileSize: "sets a length",
  openEmptied: "empties a file",
  cloneOver: "copies over",
  writeSetting: "sets a setting",
  signalProcess: "signals a process",
  signalChild: "signals a child",
};

export interface DestructiveCall {
  readonly path: string;
  readonly line: number;
  readonly does: string;
  /** Undefined where it is not plainly said. */
  readonly proof: string | undefined;
}

/** Calls of the module in a file of src. A proof is a text that stands there, and nothing that is put together. */
export function callsOf(path: string, source: string): readonly DestructiveCall[] {
  if (path === MODULE) return [];
  const tokens = tokensOf(source);
  return tokens.flatMap(({ kind, text, line }, at) => {
    const does = kind === "name" && Object.hasOwn(DOES, text) ? DOES[text] : undefined;
    if (does === undefined || !isCall(tokens, at)) return [];
    const [last, ...others] = argumentsAt(tokens, at + 1).toReversed();
    const [word, ...more] = last ?? [];
    const isProof = others.length > 0 && word?.kind === "string" && more.length === 0 && word.text.length >= MIN_PROOF;
    return [{ path, line, does, proof: isProof ? word.text : undefined }];
  });
}

/** "ours" alone proves nothing. */
const MIN_PROOF = 15;

export function isCall(tokens: readonly Token[], at: number): boolean {
  return tokens[at + 1]?.text === "(" && tokens[at - 1]?.text !== "." && tokens[at - 1]?.text !== "function";
}
