import assert from "node:assert/strict";
import { test } from "node:test";
import { validate } from "@readme/openapi-parser";
import { z } from "zod";
import { contract } from "./contract.ts";
import { openApiDocument } from "./openapi.ts";
import { route, type RouteKind } from "./route.ts";

/** A copy that the validator may change: it resolves references in place. */
const copy = () => structuredClone(openApiDocument("0.0.0", contract));

test("the document is valid OpenAPI and names every route", async () => {
  const result = await validate(copy() as never);
  assert.equal(result.valid, true, JSON.stringify(result));
  const paths = openApiDocument("0.0.0", contract)["paths"] as Record<string, Record<string, { operationId: string }>>;
  const ids = Object.values(paths).flatMap((methods) => Object.values(methods).map((method) => method.operationId));
  assert.deepEqual(ids.toSorted(), Object.keys(contract).toSorted());
});

test("the validator would tell", async () => {
  const broken = copy();
  const paths = broken["paths"] as Record<string, unknown>;
  paths["/v1/images/{ref}"] = { get: { responses: "none" } };
  const result = await validate(broken as never);
  assert.equal(result.valid, false);
});

const describedBy = (method: "GET" | "POST" | "PUT", kind: RouteKind, input: z.ZodObject, media?: string) => {
  const definition = route({
    kind,
    method,
    path: "/v1/a/{ref}",
    summary: "s",
    input,
    result: z.number(),
    ...(media !== undefined && { media }),
  });
  const document = openApiDocument("1", { a: definition }) as { paths: Record<string, Record<string, Described>> };
  return document.paths["/v1/a/{ref}"]?.[method.toLowerCase()] ?? assert.fail("it is not there");
};
interface Described {
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly description?: string;
  }[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: Record<string, { schema: Record<string, unknown> }>;
  };
  readonly responses: Record<string, { readonly content?: Record<string, { schema: Record<string, unknown> }> }>;
}
const input = z.strictObject({ ref: z.string().describe("which"), must: z.number(), may: z.string().optional() });

test("a field is in the path where its name stands there; the rest of what has a body is in that", () => {
  const { parameters, requestBody } = describedBy("POST", "call", input);
  assert.deepEqual(
    parameters.map(({ name, in: place, required, description }) => [name, place, required, description]),
    [["ref", "path", true, "which"]],
  );
  assert.equal(requestBody?.required, true);
  const { schema } = requestBody?.content["application/json"] ?? assert.fail();
  assert.deepEqual(Object.keys(schema["properties"] ?? {}), ["must", "may"]);
  assert.deepEqual([schema["required"], schema["additionalProperties"]], [["must"], false]);
});

test("what has no body has the rest in its query, and so has a WebSocket", () => {
  for (const described of [describedBy("GET", "call", input), describedBy("POST", "socket", input)]) {
    assert.equal(described.requestBody, undefined);
    assert.deepEqual(
      described.parameters.map(({ name, in: place, required }) => [name, place, required]),
      [
        ["ref", "path", true],
        ["must", "query", true],
        ["may", "query", false],
      ],
    );
    assert.ok(!("description" in (described.parameters[1] ?? {})));
  }
});

test("a body is asked for only where there is something for it, and must be there only where a field must", () => {
  assert.equal(describedBy("POST", "call", z.strictObject({ ref: z.string() })).requestBody, undefined);
  const { requestBody } = describedBy("POST", "call", z.strictObject({ ref: z.string(), may: z.string().optional() }));
  assert.equal(requestBody?.required, false);
});

test("each way of talking says what comes back", () => {
  const answer = (kind: RouteKind, media?: string) => describedBy("PUT", kind, input, media).responses;
  const json = { type: "number" };
  assert.deepEqual(Object.keys(answer("socket")), ["101", "default"]);
  assert.deepEqual(answer("call")["200"]?.content, { "application/json": { schema: json } });
  assert.deepEqual(answer("events")["200"]?.content, { "text/event-stream": { schema: json } });
  assert.deepEqual(answer("text")["200"]?.content, { "text/plain": { schema: { type: "string" } } });
  const bytes = { type: "string", format: "binary" };
  assert.deepEqual(answer("text", "application/x")["200"]?.content, { "application/x": { schema: bytes } });
  const lines = answer("operation")["200"]?.content?.["application/x-ndjson"]?.schema["properties"] as Record<
    string,
    unknown
  >;
  assert.deepEqual(lines["result"], json);
  const upload = describedBy("PUT", "upload", input, "application/x");
  assert.deepEqual(upload.requestBody, { required: true, content: { "application/x": { schema: bytes } } });
  assert.deepEqual(describedBy("PUT", "upload", input).requestBody?.content, { "text/plain": { schema: bytes } });
});
