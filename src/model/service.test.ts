import assert from "node:assert/strict";
import { test } from "node:test";
import { publishedPortSchema } from "./published-port.ts";
import { guestServiceSchema } from "./service.ts";

const PORTS: readonly (readonly [number, boolean])[] = [
  [0, false],
  [1, true],
  [65_535, true],
  [65_536, false],
  [1.5, false],
];

test("a service of an image has a name that is safe in a file's and a unit's name", () => {
  const takes = (name: string): boolean => guestServiceSchema.safeParse({ name, kind: "tcp", port: 1 }).success;
  for (const name of ["a", "0", "web-api_1.x", "a".repeat(63)]) assert.ok(takes(name), name);
  for (const name of ["", ".", "-a", "_a", ".a", "A", "aB", "a b", "a/b", "a\n", " a", "a".repeat(64)])
    assert.ok(!takes(name), name);
});

test("ports are those of TCP, 0 is none", () => {
  for (const [port, takes] of PORTS) {
    assert.equal(guestServiceSchema.safeParse({ name: "a", kind: "vsock", port }).success, takes, String(port));
    assert.equal(publishedPortSchema.safeParse({ hostPort: port, guestPort: 1 }).success, takes, String(port));
    assert.equal(publishedPortSchema.safeParse({ hostPort: 1, guestPort: port }).success, takes, String(port));
  }
  assert.equal(publishedPortSchema.parse({ hostPort: 1, guestPort: 1 }).hostAddress, "127.0.0.1");
});
