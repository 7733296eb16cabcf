import { z } from "zod";
import { checkInput } from "../api/check-input.ts";
import type { Route } from "../api/route.ts";
import { unreadable } from "./request-errors.ts";

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
  return checkInput(definition.input, {
    ...typed,
    ...bodyOf(definition.kind === "upload" ? undefined : parts.body),
    ...asRecord(parts.params),
  });
}

/** Query parameters are text; those whose schema is a number or a boolean become one. */
function typedQuery(definition: Route, query: Record<string, unknown>): Record<string, unknown> {
  const types = fieldTypes(definition);
  return Object.fromEntries(
    Object.entries(query).map(([field, value]) => {
      const type = types.get(field);
      if (type === "boolean" && (value === "true" || value === "false")) return [field, value === "true"];
      if ((type === "integer" || type === "number") && typeof value === "string" && value !== "")
        return [field, Number(value)];
      return [field, value];
    }),
  );
}

const typesByRoute = new WeakMap<Route, ReadonlyMap<string, unknown>>();

/** The types of a route's fields as JSON Schema calls them; told once, since they stay. */
function fieldTypes(definition: Route): ReadonlyMap<string, unknown> {
  const known = typesByRoute.get(definition);
  if (known !== undefined) return known;
  const { properties = {} } = z.toJSONSchema(definition.input, { io: "input" });
  const types = new Map(
    Object.entries(properties).map(([field, schema]) => [field, typeof schema === "object" ? schema.type : undefined]),
  );
  typesByRoute.set(definition, types);
  return types;
}

/** A body may be left out; one that is there is an object. */
function bodyOf(body: unknown): Record<string, unknown> {
  if (body === undefined) return {};
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw unreadable(
      `its body is ${body === null ? "null" : Array.isArray(body) ? "a list" : `a ${typeof body}`}, not an object`,
    );
  }
  return { ...body };
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
