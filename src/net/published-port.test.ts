import assert from "node:assert/strict";
import { test } from "node:test";
import { portsCollide } from "./published-port.ts";

const port = (hostAddress: string, hostPort = 80) => ({ hostAddress, hostPort, guestPort: 1 });

test("two ports are in each other's way where both are one, on addresses that have one in common", () => {
  for (const [a, b, collide] of [
    [port("127.0.0.1"), port("127.0.0.1"), true],
    [port("127.0.0.1"), port("0.0.0.0"), true],
    [port("0.0.0.0"), port("192.0.2.1"), true],
    [port("0.0.0.0"), port("0.0.0.0"), true],
    [port("127.0.0.1"), port("192.0.2.1"), false],
    [port("127.0.0.1"), port("127.0.0.1", 81), false],
    [port("0.0.0.0"), port("192.0.2.1", 81), false],
  ] as const) {
    assert.equal(portsCollide(a, b), collide, JSON.stringify([a, b]));
    assert.equal(portsCollide(b, a), collide, JSON.stringify([b, a]));
  }
});
