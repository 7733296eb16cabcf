import assert from "node:assert/strict";
import { test } from "node:test";
import { pickResolvers } from "./resolvers.ts";

test("guests ask whom the host asks", () => {
  const text = "# a comment\nsearch lan\nnameserver 192.0.2.53\n nameserver 192.0.2.54\nnameserver 2001:db8::53\n";
  assert.deepEqual(pickResolvers([text, "nameserver 9.9.9.9\n"]), ["192.0.2.53", "192.0.2.54"]);
});

test("a resolver on the host's loopback is passed over for those it asks itself", () => {
  assert.deepEqual(pickResolvers(["nameserver 127.0.0.53\noptions edns0\n", "nameserver 192.0.2.1\n"]), ["192.0.2.1"]);
  assert.deepEqual(pickResolvers(["nameserver 127.0.0.1\nnameserver 192.0.2.9\n"]), ["192.0.2.9"]);
  assert.deepEqual(pickResolvers(["", "nameserver ::1\n", "nameserver fe80::1%eth0\nnameserver 0.0.0.0\n"]), []);
});
