import assert from "node:assert/strict";
import { test } from "node:test";
import { parseForwardPort } from "./forward-port.ts";

test("the guest's port comes first, and is the host's too where none is given", () => {
  assert.deepEqual(parseForwardPort("8080"), { guestPort: 8080, hostPort: 8080 });
  assert.deepEqual(parseForwardPort("80:8080"), { guestPort: 80, hostPort: 8080 });
  assert.deepEqual(parseForwardPort("65535:0"), { guestPort: 65_535, hostPort: 0 });
});

test("what is no port is refused", () => {
  for (const text of ["", "0", "65536", "80:65536", "80:", ":80", "1.2", "-1", "80:80:80", "http", "0x50", "999999"]) {
    assert.throws(() => parseForwardPort(text), { code: "BAD_USAGE" }, text);
  }
});
