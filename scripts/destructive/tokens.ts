import { SyntaxKind } from "typescript/unstable/ast";
import { createScanner } from "typescript/unstable/ast/scanner";

export interface Token {
  readonly kind: "name" | "string" | "sign" | "other";
  /** Of a string what is in it, of all else what stands there. */
  readonly text: string;
  readonly line: number;
}

/** What a slash divides when it stands behind one of these; behind all else it begins a regular expression. */
const ENDS_VALUE = /^(?:[\w$)\]}'"`]|.*[\w$)\]'"`])$/s;

/** The words of a TypeScript source, without comments. Text in templates is left out, what they insert is not. */
export function tokensOf(source: string): readonly Token[] {
  const scanner = createScanner(true, undefined, source);
  const lineStarts = [0, ...[...source.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const tokens: Token[] = [];
  /** Of each open brace, whether it is a template's. */
  const braces: boolean[] = [];
  let line = 0;
  for (let kind = scanner.scan(); kind !== SyntaxKind.EndOfFile; kind = scanner.scan()) {
    const isDivided = ENDS_VALUE.test(tokens.at(-1)?.text ?? "") || tokens.at(-1)?.kind === "string";
    if ((kind === SyntaxKind.SlashToken || kind === SyntaxKind.SlashEqualsToken) && !isDivided) {
      kind = scanner.reScanSlashToken();
    }
    if (kind === SyntaxKind.TemplateHead || kind === SyntaxKind.OpenBraceToken) {
      braces.push(kind === SyntaxKind.TemplateHead);
    } else if (kind === SyntaxKind.CloseBraceToken && braces.pop() === true) {
      kind = scanner.reScanTemplateToken(false);
      if (kind === SyntaxKind.TemplateMiddle) braces.push(true);
    }
    while ((lineStarts[line + 1] ?? Infinity) <= scanner.getTokenStart()) line += 1;
    tokens.push({ ...wordOf(kind, scanner.getTokenText(), scanner.getTokenValue()), line: line + 1 });
  }
  return tokens;
}

function wordOf(kind: SyntaxKind, text: string, value: string): Pick<Token, "kind" | "text"> {
  if (kind === SyntaxKind.StringLiteral || kind === SyntaxKind.NoSubstitutionTemplateLiteral) {
    return { kind: "string", text: value };
  }
  if (/^[A-Za-z_$#]/.test(text)) return { kind: "name", text };
  return { kind: /^[\W_]{1,4}$/.test(text) ? "sign" : "other", text };
}

/** What stands between the bracket at `open` and the one that closes it, parted at its commas. */
export function argumentsAt(tokens: readonly Token[], open: number): readonly (readonly Token[])[] {
  const found: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens.slice(open)) {
    const { kind, text } = token;
    if (kind === "sign" && /^[([{]$/.test(text)) depth += 1;
    if (kind === "sign" && /^[)\]}]$/.test(text)) depth -= 1;
    if (depth === 0) break;
    if (depth === 1 && kind === "sign" && text === ",") found.push([]);
    else if (token !== tokens[open]) found.at(-1)?.push(token);
  }
  return found.filter((argument) => argument.length > 0);
}
