import { ERROR_CODES } from "../../lib/error-codes.ts";
import { wrap } from "./wrap.ts";

/** What the exit statuses of the error table mean. */
const MEANINGS: Readonly<Record<number, string>> = {
  1: "Something went wrong",
  2: "The command line or its input is wrong",
  3: "There is no such thing",
  4: "It conflicts with what there is",
  5: "This host lacks something",
  6: "A registry or mirror failed, or sent what it should not",
  7: "The guest or its VMM failed",
  130: "It was cancelled, as by Ctrl-C",
};

export function exitCodes(): string {
  const parts = Object.entries(MEANINGS).map(([exit, meaning]) => {
    const codes = Object.entries(ERROR_CODES).flatMap(([code, row]) => (row.exit === Number(exit) ? [code] : []));
    return `${exit.padStart(5)}  ${meaning}\n${wrap(codes, 90, "         ")}`;
  });
  return `Exit statuses of banger, and the error codes that end with each:

    0  All went well
${parts.join("\n")}

\`vm exec\` and \`run\` end with the status of the command they ran; 128 + N where signal N ended it, 126 where the
guest cannot run it, 127 where it has no such program. Where banger itself fails they end with 125, and \`vm ssh\` with 255:
the table above is not theirs. \`session attach\` and \`session wait\` end with the status of the session's command, as \`vm exec\` does.
With --json an error is one line on stderr: {"error":{"code":…,"what":…,"why":…,"fix":…}}.
`;
}
