import { z } from "zod";
import { checkInput } from "../api/check-input.ts";
import type { Route } from "../api/route.ts";

/** The parts of a request that a route's input is gathered from. */
export interface RequestParts {
  readonly params: unknown;
  readonly query: unknown;
  readonly body?: unknown;
}

/**
 * Gathers a route's input and holds it against its schema.
 *
 * @throws BangerError `BAD_REQUEST`, `NAME_INVALID`.
 */
export function readInput(definition: Route, parts: RequestParts): Readonly<Record<string, unknown>> {
  const typed = typedQuery(definition, { ...asRecord(parts.query) });
  return checkInput(definition.input, { ...typed, ...asRecord(parts.body), ...asRecord(parts.params) });
}

/** Query parameters are text; those whose schema is a number or a boolean become one. */
function typedQuery(definition: Route, query: Record<string, unknown>): Record<string, unknown> {
  const { properties = {} } = z.toJSONSchema(definition.input, { io: "input" });
  return Object.fromEntries(
    Object.entries(query).map(([field, value]) => {
      const schema = properties[field];
      const type = typeof schema === "object" ? schema.type : undefined;
      if (type === "boolean" && (value === "true" || value === "false")) return [field, value === "true"];
      if ((type === "integer" || type === "number") && typeof value === "string" && value !== "")
        return [field, Number(value)];
      return [field, value];
    }),
  );
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
