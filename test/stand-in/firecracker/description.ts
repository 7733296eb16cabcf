import { existsSync } from "node:fs";
import { join } from "node:path";
import { dereference } from "@readme/openapi-parser";
import { Ajv, type ValidateFunction } from "ajv";

/** Holds bodies against the official description of Firecracker's API. */
export interface Description {
  /** What is wrong with a request, in words; undefined when it is as described. */
  request(method: string, path: string, body: unknown): string | undefined;
  /** The same for an answer of ours. */
  response(method: string, path: string, status: number, body: unknown): string | undefined;
}

interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly required?: boolean; readonly schema?: object }[];
  readonly responses: Readonly<Record<string, { readonly schema?: object }>>;
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

/**
 * Where Firecracker's own `firecracker.yaml` lies: it is not ours to hand on, so it stands beside the repository, if at
 * all. Undefined where there is none: then requests are held to the rules of rules.ts only.
 */
export function findDescription(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const given = env["BANGER_FIRECRACKER_DESCRIPTION"];
  if (given !== undefined) return existsSync(given) ? given : undefined;
  const root = join(import.meta.dirname, "../../..");
  return ["..", "../.."]
    .map((up) => join(root, up, "shared/specs/firecracker.yaml"))
    .find((candidate) => existsSync(candidate));
}

export async function readDescription(file: string): Promise<Description> {
  const document = (await dereference(file)) as unknown as { readonly paths: Paths };
  // `format: int64` and the like say nothing that JSON has not said.
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  const compiled = new Map<object, ValidateFunction>();
  const validate = (schema: object, body: unknown, what: string): string | undefined => {
    const check = compiled.get(schema) ?? ajv.compile(closed(schema) as object);
    compiled.set(schema, check);
    return check(body) ? undefined : ajv.errorsText(check.errors, { dataVar: what });
  };
  const find = (method: string, path: string): Operation | undefined => {
    const template = Object.keys(document.paths).find((known) => matches(known, path));
    return template === undefined ? undefined : document.paths[template]?.[method.toLowerCase()];
  };
  return {
    request(method, path, body) {
      const operation = find(method, path);
      if (operation === undefined) return `there is no ${method} ${path}`;
      const parameter = operation.parameters?.find((candidate) => candidate.in === "body");
      if (parameter?.schema === undefined) return body === undefined ? undefined : `${method} ${path} takes no body`;
      // The description has an object; whatever JSON is, is taken.
      if (path === "/mmds" && method === "PUT" && body !== undefined) return undefined;
      if (body === undefined) return parameter.required === true ? "a body is required" : undefined;
      // A PATCH says what changes, and nothing else.
      return validate(method === "PATCH" ? partOf(parameter.schema) : parameter.schema, body, "body");
    },
    response(method, path, status, body) {
      const responses = find(method, path)?.responses;
      if (responses === undefined) return undefined;
      const described = responses[String(status)] ?? responses["default"];
      if (described === undefined) return `there is no status ${status} of ${method} ${path}`;
      if (described.schema === undefined) return body === undefined ? undefined : "an answer without a body has one";
      return validate(described.schema, body, "answer");
    },
  };
}

const parts = new WeakMap<object, object>();

/** The same schema with no field required; the same object each time, since it is compiled but once. */
function partOf(schema: object): object {
  const { required: _required, ...rest } = schema as { required?: unknown };
  const part = parts.get(schema) ?? rest;
  parts.set(schema, part);
  return part;
}

function matches(template: string, path: string): boolean {
  const wanted = template.split("/");
  const given = path.split("/");
  return (
    wanted.length === given.length &&
    wanted.every((part, index) => (part.startsWith("{") ? (given[index] ?? "") !== "" : part === given[index]))
  );
}

/**
 * The schema as Firecracker holds to it. Every object is closed: it refuses fields that it does not know (serde's
 * deny_unknown_fields). Least numbers are not held to (a CID of 2 is taken): those that count stand in rules.ts.
 */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]): [string, unknown] => {
    if (key !== "properties" || typeof value !== "object" || value === null) return [key, closed(value)];
    return [key, Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, closed(inner)]))];
  });
  const copy = Object.fromEntries(entries.filter(([key]) => key !== "minimum"));
  const isObject = copy["type"] === "object" && copy["properties"] !== undefined;
  return isObject && copy["additionalProperties"] === undefined ? { ...copy, additionalProperties: false } : copy;
}
