import type { z } from "zod";
import { BangerError } from "../lib/errors.ts";

/** How the one who asks calls a field: `--memory` on a command line; its own name where this says nothing. */
export type FieldNames = Readonly<Record<string, string>>;

/**
 * Holds an input against the schema of its route. CLI and server say the same about the same mistake.
 *
 * @throws BangerError `NAME_INVALID` when the name of a new object is all that is wrong, else `BAD_REQUEST`.
 */
export function checkInput<S extends z.ZodObject>(schema: S, input: unknown, names: FieldNames = {}): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const { issues } = result.error;
  const onlyName = issues.every((issue) => issue.path[0] === "name");
  throw new BangerError(onlyName ? "NAME_INVALID" : "BAD_REQUEST", {
    what: issues.map((issue) => describe(issue, input, names)).join("; "),
    fix: onlyName ? "choose another name" : "correct it and try again; the command's `--help` says what it takes",
    data: { fields: issues.map((issue) => issue.path.join(".")) },
  });
}

function describe(issue: z.core.$ZodIssue, input: unknown, names: FieldNames): string {
  const [field, ...below] = issue.path.map(String);
  if (field === undefined) return issue.message;
  const called = [names[field] ?? field, ...below].join(".");
  const value = valueAt(input, issue.path);
  return value === undefined
    ? `${called}: ${issue.message}`
    : `${called} cannot be ${JSON.stringify(value)}: ${issue.message}`;
}

/** The value that an issue is about, where it is short enough to be repeated. */
function valueAt(input: unknown, path: readonly PropertyKey[]): string | number | boolean | undefined {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Object.entries(value).find(([name]) => name === String(key))?.[1];
  }
  if (typeof value === "number" || typeof value === "boolean") return value;
  return typeof value === "string" && value.length <= 80 ? value : undefined;
}
