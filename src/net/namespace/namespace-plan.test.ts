import assert from "node:assert/strict";
import { test } from "node:test";
import { namespaceRules } from "./namespace-plan.ts";

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
