import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "../../../lib/errors.ts";
import { declaredServices } from "./declared-services.ts";

const label = (text: string) => ({ "dev.banger.services": text });

test("an image declares what its VMs offer", () => {
  assert.deepEqual(declaredServices({}), []);
  assert.deepEqual(declaredServices(label(" ")), []);
  assert.deepEqual(declaredServices(label("opencode=vsock:4096, web=tcp:8080")), [
    { name: "opencode", kind: "vsock", port: 4096 },
    { name: "web", kind: "tcp", port: 8080 },
  ]);
});

test("a label that says something else is refused", () => {
  const many = Array.from({ length: 17 }, (_, i) => `s${i}=tcp:${i + 1}`).join();
  for (const text of ["opencode", "x=udp:53", "x=tcp:0", "x=tcp:65536", "X!=tcp:1", "a=tcp:1,a=tcp:2", ",", many]) {
    const refused = (error: unknown): boolean => error instanceof BangerError && error.code === "MANIFEST_INVALID";
    assert.throws(() => declaredServices(label(text)), refused, text);
  }
});
