import { exitCodes } from "./exit-codes.ts";
import { files } from "./files.ts";

export interface Topic {
  readonly summary: string;
  text(): string;
}

/** What `banger help` explains besides commands. */
export const TOPICS: Readonly<Record<string, Topic>> = {
  "exit-codes": { summary: "Exit statuses, for scripts", text: exitCodes },
  files: { summary: "Where banger keeps what", text: files },
};
