import assert from "node:assert/strict";
import { test } from "node:test";
import { endpoints } from "../api/endpoints.ts";
import { BangerError } from "../lib/errors.ts";
import { wireRequest } from "./wire-request.ts";

test("lays an input out over path, query and body", () => {
  assert.deepEqual(wireRequest(endpoints.vmList, {}), { method: "GET", path: "/v1/vms" });
  assert.deepEqual(wireRequest(endpoints.vmStop, { ref: "demo", force: true, timeoutSeconds: undefined }), {
    method: "POST",
    path: "/v1/vms/demo/stop",
    body: '{"force":true}',
  });
  assert.deepEqual(wireRequest(endpoints.vmDelete, { ref: "demo", force: true }), {
    method: "DELETE",
    path: "/v1/vms/demo?force=true",
  });
  assert.deepEqual(wireRequest(endpoints.vmForward, { ref: "demo", target: "unix:/run/a b" }), {
    method: "GET",
    path: "/v1/vms/demo/forward?target=unix%3A%2Frun%2Fa+b",
  });
});

test("keeps a field inside its place in the path", () => {
  assert.equal(wireRequest(endpoints.vmInspect, { ref: "a/../b?c#d" }).path, "/v1/vms/a%2F..%2Fb%3Fc%23d");
  for (const ref of ["", ".", ".."]) {
    assert.throws(
      () => wireRequest(endpoints.vmExec, { ref }),
      (error) => error instanceof BangerError && error.code === "BAD_REQUEST",
    );
  }
});
