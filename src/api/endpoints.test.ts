import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { contract } from "./contract.ts";
import { endpointsFile } from "./endpoints-file.ts";

test("the endpoints are those of the contract: else run scripts/generate.sh", () => {
  const text = readFileSync(join(import.meta.dirname, "endpoints.ts"), "utf8");
  assert.equal(text, endpointsFile(contract));
  const { vmList: _vmList, ...others } = contract;
  assert.notEqual(text, endpointsFile(others));
});
