import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePublish } from "./publish-option.ts";

test("a published port is read in all its forms", () => {
  assert.deepEqual(parsePublish("8080"), { hostPort: 8080, guestPort: 8080 });
  assert.deepEqual(parsePublish("8080:80"), { hostPort: 8080, guestPort: 80 });
  assert.deepEqual(parsePublish("0.0.0.0:8080"), { hostAddress: "0.0.0.0", hostPort: 8080, guestPort: 8080 });
  assert.deepEqual(parsePublish("127.0.0.2:8080:80"), { hostAddress: "127.0.0.2", hostPort: 8080, guestPort: 80 });
});

test("what is no published port is refused", () => {
  for (const text of [
    "",
    "http",
    "80:http",
    "80:80:80",
    "localhost:80",
    "[::1]:80:80",
    "80/udp",
    "8080:",
    ":80",
    "-1",
  ]) {
    assert.throws(() => parsePublish(text), { code: "BAD_USAGE" }, text);
  }
});
