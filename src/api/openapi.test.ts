import assert from "node:assert/strict";
import { test } from "node:test";
import { validate } from "@readme/openapi-parser";
import { contract } from "./contract.ts";
import { openApiDocument } from "./openapi.ts";

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
