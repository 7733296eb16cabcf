import { type BangerError, toErrorBody } from "../../lib/errors.ts";
import { type Io, hasColour } from "../io.ts";
import { plainJson, plainText } from "./plain-text.ts";

const RED = "\u001B[1;31m";
const FAINT = "\u001B[2m";
const PLAIN = "\u001B[0m";

/** Prints an error on stderr: three lines for people, or one of JSON. */
export function printError(error: BangerError, io: Io, json: boolean): void {
  const text = json ? plainJson({ error: toErrorBody(error) }) : errorText(error, hasColour(io.stderr, io.env));
  io.stderr.write(`${text}\n`);
}

/** What failed, why, and what to do next. */
export function errorText(error: Pick<BangerError, "code" | "what" | "why" | "fix">, colour: boolean): string {
  const head = `error[${error.code}]:`;
  const label = (word: string): string => (colour ? `${FAINT}${word}${PLAIN}` : word);
  const lines = [`${colour ? `${RED}${head}${PLAIN}` : head} ${indent(error.what)}`];
  if (error.why !== undefined && error.why !== "") lines.push(`  ${label("why:")} ${indent(error.why)}`);
  lines.push(`  ${label("fix:")} ${indent(error.fix)}`);
  return lines.join("\n");
}

/** Further lines stand under the first one's text. */
function indent(text: string): string {
  return plainText(text.trimEnd()).replaceAll("\n", "\n       ");
}
