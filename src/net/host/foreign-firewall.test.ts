import assert from "node:assert/strict";
import { test } from "node:test";
import { foreignForwardDrop } from "./foreign-firewall.ts";

const chains = (...list: readonly object[]): string =>
  JSON.stringify({ nftables: [{ metainfo: { version: "1.0.6" } }, ...list.map((chain) => ({ chain }))] });
const forward = { family: "ip", table: "filter", name: "FORWARD", hook: "forward", policy: "drop" };

test("a firewall that drops what is forwarded is found, with the commands that let ours pass", () => {
  const plain = foreignForwardDrop(chains(forward), "banger-x");
  assert.equal(plain?.usable, false);
  assert.match(plain?.summary ?? "", /chain FORWARD of table ip filter/);
  assert.match(plain?.fix ?? "", /iptables -I FORWARD -i bgr-\+ -j ACCEPT; .* -o bgr-\+/);
  assert.match(plain?.undo ?? "", /iptables -D FORWARD -i bgr-\+/);
  const docker = foreignForwardDrop(
    chains(forward, { family: "ip", table: "filter", name: "DOCKER-USER" }),
    "banger-x",
  );
  assert.match(docker?.fix ?? "", /-I DOCKER-USER/);
});

test("what drops nothing of ours is none", () => {
  const harmless = [
    { ...forward, policy: "accept" },
    { ...forward, hook: "input" },
    { ...forward, family: "ip6" },
    { ...forward, table: "banger-x" },
    { family: "inet", table: "t", name: "plain" },
  ];
  assert.equal(foreignForwardDrop(chains(...harmless), "banger-x"), undefined);
  assert.equal(foreignForwardDrop(chains(), "banger-x"), undefined);
});
