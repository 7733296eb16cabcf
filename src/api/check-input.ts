import type { z } from "zod";
import { BangerError } from "../lib/errors.ts";

/**
 * Holds an input against the schema of its route. CLI and server say the same about the same mistake: the fields stand in
 * backticks and in `data.fields`, by which the CLI finds its own words for them.
 *
 * @param help where it stands what the input may be.
 * @throws BangerError `NAME_INVALID` when the name of a new object is all that is wrong, else `BAD_REQUEST`.
 */
export function checkInput<S extends z.ZodObject>(
  schema: S,
  input: unknown,
  help = "`banger openapi` describes each field",
): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const { issues } = result.error;
  const onlyName = issues.every((issue) => issue.path[0] === "name");
  throw new BangerError(onlyName ? "NAME_INVALID" : "BAD_REQUEST", {
    what: issues.map((issue) => describe(issue, input)).join("; "),
    fix: onlyName ? "choose another name" : `correct it and try again; ${help}`,
    data: { fields: issues.filter(({ path }) => path.length > 0).map(({ path }) => path.join(".")) },
  });
}

function describe(issue: z.core.$ZodIssue, input: unknown): string {
  if (issue.path.length === 0) return issue.message;
  const called = `\`${issue.path.join(".")}\``;
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
