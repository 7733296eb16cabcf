import assert from "node:assert/strict";
import { test } from "node:test";
import { exposedTcpPorts, publishOnFreePorts } from "./exposed-ports.ts";

test("ports as image configs write them, without UDP, nonsense, and what is published already", () => {
  const exposed = [
    "443/tcp",
    "80",
    "53/udp",
    "8000-8002/TCP",
    "0/tcp",
    "65536",
    "http",
    "",
    "-1/tcp",
    "9-3/tcp",
    "80/tcp",
  ];
  assert.deepEqual(exposedTcpPorts(exposed, []), [80, 443, 8000, 8001, 8002]);
  const published = [{ hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80 }];
  assert.deepEqual(exposedTcpPorts(["80", "81"], published), [81]);
  assert.equal(exposedTcpPorts(["1-65535"], []).length, 100);
});

test("each gets a port of its own on loopback", async () => {
  const published = await publishOnFreePorts([80, 443, 8080]);
  assert.deepEqual(
    published.map(({ guestPort }) => guestPort),
    [80, 443, 8080],
  );
  assert.equal(new Set(published.map(({ hostPort }) => hostPort)).size, 3);
  assert.ok(published.every(({ hostAddress, hostPort }) => hostAddress === "127.0.0.1" && hostPort > 1023));
  assert.deepEqual(await publishOnFreePorts([]), []);
});
