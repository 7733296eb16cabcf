import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { type Fields, descriptionOf, keptOf } from "./field.ts";
import { keptShapeOf, shapeOf } from "./schema-of.ts";

const FIELDS = {
  count: { kind: "number", min: 2, max: 4, kept: true, help: "how many" },
  size: { kind: "bytes", min: 1024, refusal: "too little", kept: true, help: "how large" },
  way: { kind: "choice", values: ["up", "down"], otherwise: "up", help: "where to" },
  on: { kind: "flag", kept: true, help: "whether" },
  ports: { kind: "list", of: { kind: "port" }, max: 1, kept: true, help: "which" },
  file: { kind: "path", required: true, help: "of what" },
  odd: { kind: "own", help: "what no kind fits" },
} as const satisfies Fields;

const request = z.strictObject(shapeOf(FIELDS, { odd: z.literal(7).optional() }));

test("what is absent is what the data says", () => {
  assert.deepEqual(request.parse({ file: "/f" }), { file: "/f", way: "up", on: false, ports: [] });
  const port = { hostAddress: "127.0.0.1", hostPort: 80, guestPort: 80 };
  const whole = { count: 2, size: 1024, way: "down", on: true, ports: [port], file: "/f", odd: 7 };
  assert.deepEqual(request.parse(whole), whole);
});

test("each bound is held, in the field's own words", () => {
  const refused = (fields: object): string | undefined =>
    request
      .safeParse({ file: "/f", ...fields })
      .error?.issues.map(({ message }) => message)
      .join();
  assert.equal(refused({}), undefined);
  assert.equal(refused({ size: 1023 }), "too little");
  assert.equal(refused({ way: "left" }), "must be up or down");
  assert.match(refused({ file: "f" }) ?? "", /absolute path/);
  const port = { hostPort: 80, guestPort: 80 };
  for (const fields of [
    { count: 1 },
    { count: 5 },
    { count: 2.5 },
    { on: 1 },
    { ports: [port, port] },
    { odd: 8 },
    { x: 1 },
  ]) {
    assert.notEqual(refused(fields), undefined, JSON.stringify(fields));
  }
  assert.notEqual(request.safeParse({}).success, true, "the file is missing");
});

test("a record keeps what is kept, and is read where bounds have grown", () => {
  const kept = z.object(keptShapeOf(FIELDS));
  assert.deepEqual(kept.parse({ size: 1, way: "left" }), { size: 1, on: false, ports: [] });
  assert.equal(kept.safeParse({ size: 0 }).success, false);
  assert.deepEqual(keptOf(FIELDS, { count: 3, size: undefined, on: true, ports: [], way: "up" } as never), {
    count: 3,
    on: true,
    ports: [],
  });
});

test("the reference has each field's words, with its unit", () => {
  assert.equal(descriptionOf(FIELDS.size), "How large, in bytes");
  const { properties = {} } = z.toJSONSchema(request, { io: "input" });
  for (const [name, field] of Object.entries(FIELDS)) {
    const schema = properties[name];
    assert.equal(typeof schema === "object" && schema.description, descriptionOf(field), name);
  }
});
