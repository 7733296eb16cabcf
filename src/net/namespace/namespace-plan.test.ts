import assert from "node:assert/strict";
import { test } from "node:test";
import {
  enterWords,
  holderWords,
  namespaceRules,
  planNamespace,
  renewedRules,
  slirpArguments,
} from "./namespace-plan.ts";

test("the host's addresses are rules of a chain, which may overlap, and not elements of a set", () => {
  const rules = namespaceRules({ hostAddresses: ["127.0.0.0/8", "127.0.0.1"], allowHost: false });
  assert.deepEqual(rules.match(/set \w+/g), ["set walled"]);
  const [, chain] = /chain host_wall \{\n([^}]*)\}/.exec(rules) ?? assert.fail(rules);
  assert.deepEqual(chain?.trim().split(/\n\t+/), [
    "ip daddr 127.0.0.0/8 reject with icmpx admin-prohibited",
    "ip daddr 127.0.0.1 reject with icmpx admin-prohibited",
  ]);
  assert.match(rules, /@walled reject [^\n]*\n\t*jump host_wall\n\t*accept\n/);
});

test("who may reach the host meets no wall", () => {
  const rules = namespaceRules({ hostAddresses: ["192.0.2.1"], allowHost: true });
  assert.doesNotMatch(rules, /jump host_wall|@walled/);
});

test("a namespace has its rules before it has devices, and both devices answer for the other side at once", () => {
  const steps = planNamespace({ hostAddresses: [], allowHost: false });
  const told = steps.map((step) =>
    step.do === "run" ? step.program : `${step.path.replace("/proc/sys/net/", "")}=${step.value}`,
  );
  assert.deepEqual(told, [
    "nft",
    "ip",
    "ipv4/ip_forward=1",
    "ipv4/conf/tap0/proxy_arp=1",
    "ipv4/conf/slirp0/proxy_arp=1",
    "ipv4/neigh/tap0/proxy_delay=0",
    "ipv4/neigh/slirp0/proxy_delay=0",
    "ip",
  ]);
  const last = steps.at(-1);
  assert.match(
    last?.do === "run" ? (last.input ?? "") : "",
    /^link set dev tap0 mtu 65520 up\nlink set dev slirp0 mtu 65520 up\n/,
  );
});

test("rules are renewed in one transaction: the table goes and comes back", () => {
  const wishes = { hostAddresses: ["192.0.2.1"], allowHost: false };
  assert.equal(renewedRules(wishes), `table inet banger {}\ndelete table inet banger\n${namespaceRules(wishes)}`);
});

test("slirp4netns leads to the host's loopback for who may reach the host alone", () => {
  const wall = "--disable-host-loopback";
  const walled = slirpArguments(7, "/api", 3, false);
  assert.ok(walled.includes(wall));
  assert.deepEqual(
    slirpArguments(7, "/api", 3, true),
    walled.filter((word) => word !== wall),
  );
  assert.deepEqual(walled.slice(-3), ["--ready-fd=3", "7", "slirp0"]);
});

test("a namespace is made and entered with a user namespace where there is no root", () => {
  assert.deepEqual(enterWords(7, false), ["nsenter", "--target=7", "--net", "--"]);
  assert.deepEqual(enterWords(7, true), ["nsenter", "--target=7", "--user", "--preserve-credentials", "--net", "--"]);
  assert.deepEqual(holderWords(false), ["unshare", "--net", "--", "sleep", "infinity"]);
  assert.deepEqual(holderWords(true), ["unshare", "--user", "--map-root-user", "--net", "--", "sleep", "infinity"]);
});
