import { z } from "zod";
import { ERROR_CODES } from "../lib/error-codes.ts";
import type { Endpoint, Route, RouteKind, Routes } from "./route.ts";

type Json = Readonly<Record<string, unknown>>;

/** Routes as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.0). */
export function openApiDocument(version: string, routes: Routes): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, definition] of Object.entries(routes)) {
    (paths[definition.path] ??= {})[definition.method.toLowerCase()] = operation(name, definition);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "banger",
      version,
      summary: "MicroVMs from container images",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "http://localhost", description: "bangerd, on its unix socket" }],
    paths,
    components: { schemas: { Error: ERROR_SCHEMA } },
  };
}

const ERROR_SCHEMA: Json = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "what", "fix"],
      properties: {
        code: { type: "string", enum: Object.keys(ERROR_CODES) },
        what: { type: "string", description: "What failed" },
        why: { type: "string", description: "The reason, where there is more to say" },
        fix: { type: "string", description: "What to do next" },
        data: { type: "object", description: "Facts for programs" },
      },
    },
  },
};

function operation(name: string, definition: Route): Json {
  const schema = z.toJSONSchema(definition.input, { io: "input" });
  const inPath = pathFields(definition.path);
  const fields = Object.entries(schema.properties ?? {});
  const required = schema.required ?? [];
  const parameters = fields
    .filter(([field]) => inPath.includes(field) || usesQuery(definition))
    .map(([field, fieldSchema]) => ({
      name: field,
      in: inPath.includes(field) ? "path" : "query",
      required: inPath.includes(field) || required.includes(field),
      ...(typeof fieldSchema === "object" &&
        fieldSchema.description !== undefined && { description: fieldSchema.description }),
      schema: fieldSchema,
    }));
  const body = fields.filter(([field]) => !inPath.includes(field));
  const bodyRequired = required.filter((field) => !inPath.includes(field));
  const media = definition.media ?? "text/plain";
  return {
    operationId: name,
    summary: definition.summary,
    parameters,
    ...(!usesQuery(definition) &&
      body.length > 0 && {
        requestBody: {
          required: bodyRequired.length > 0,
          content: {
            "application/json": {
              schema: {
                type: "object",
                properties: Object.fromEntries(body),
                required: bodyRequired,
                additionalProperties: false,
              },
            },
          },
        },
      }),
    ...(definition.kind === "upload" && {
      requestBody: { required: true, content: { [media]: { schema: BYTES } } },
    }),
    responses: {
      [definition.kind === "socket" ? "101" : "200"]: SUCCESS[definition.kind](definition),
      default: {
        description: "What went wrong",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
  };
}

/** Bytes as they are. */
const BYTES: Json = { type: "string", format: "binary" };

const SUCCESS: Readonly<Record<RouteKind, (definition: Route) => Json>> = {
  socket: () => ({ description: "The connection becomes a WebSocket" }),
  events: (definition) => ({
    description: "Server-sent events: the number of each as its id, and the event itself as its data",
    content: { "text/event-stream": { schema: resultSchema(definition) } },
  }),
  text: ({ media = "text/plain" }) => ({
    description: "A stream of bytes; one that is cut off is no whole one",
    content: { [media]: { schema: media.startsWith("application/") ? BYTES : { type: "string" } } },
  }),
  upload: (definition) => ({
    description: "All of it is there",
    content: { "application/json": { schema: resultSchema(definition) } },
  }),
  call: (definition) => ({
    description: "Done",
    content: { "application/json": { schema: resultSchema(definition) } },
  }),
  operation: (definition) => ({
    description: "One JSON object a line: `progress` any number of times, then `result` or `error`",
    content: {
      "application/x-ndjson": {
        schema: {
          type: "object",
          properties: {
            progress: { type: "object" },
            result: resultSchema(definition),
            error: { $ref: "#/components/schemas/Error/properties/error" },
          },
        },
      },
    },
  }),
};

function resultSchema(definition: Route): Json {
  const { $schema: _, ...schema } = z.toJSONSchema(definition.result, { io: "output" });
  return schema;
}

/** Names of the input's fields that stand in the path. */
function pathFields(path: string): readonly string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "");
}

/** Whether what is not in the path travels in the query. */
function usesQuery(endpoint: Pick<Endpoint, "method" | "kind">): boolean {
  return endpoint.method !== "POST" || endpoint.kind === "socket";
}
