import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "../lib/errors.ts";
import type { OperationContext } from "../lib/progress.ts";
import { createOperations } from "../core/operations.ts";
import { operationLines, type OperationLine } from "./operation-lines.ts";

async function linesOf(operation: (context: OperationContext) => Promise<unknown>): Promise<OperationLine[]> {
  const lines: OperationLine[] = [];
  const begun = createOperations().begin({ name: "vmCreate", caller: "owner", detached: false }, operation);
  for await (const line of operationLines(begun)) lines.push(line);
  return lines;
}

test("progress comes first, the result last", async () => {
  const lines = await linesOf(async ({ progress }) => {
    progress({ id: "a", label: "a", status: "running" });
    progress({ id: "a", label: "a", status: "done" });
    return { id: "x" };
  });
  assert.deepEqual(
    lines.map((line) => Object.keys(line)[0]),
    ["progress", "progress", "result"],
  );
  assert.deepEqual(lines.at(-1), { result: { id: "x" } });
});

test("an error ends it with its code and status", async () => {
  const [line] = await linesOf(async () => {
    throw new BangerError("IMAGE_NOT_FOUND", { what: "no", fix: "pull it" });
  });
  assert.ok(line !== undefined && "error" in line);
  assert.equal(line.error.code, "IMAGE_NOT_FOUND");
  assert.equal(line.status, 404);
});

test("a flood of progress is bounded, and its last word is kept", async () => {
  const lines = await linesOf(async ({ progress }) => {
    for (let i = 0; i < 10_000; i += 1) progress({ id: `layer-${i}`, label: "x", status: "running" });
  });
  assert.ok(lines.length < 300);
  const last = lines.at(-2);
  assert.ok(last !== undefined && "progress" in last);
  assert.equal(last.progress.id, "layer-9999");
});
