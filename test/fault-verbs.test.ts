import assert from "node:assert/strict";
import { test } from "node:test";
import { endpoints } from "../src/api/endpoints.ts";
import type { Endpoints } from "../src/api/route.ts";
import { commands } from "../src/cli/registry.ts";
import { allFaultPoints } from "../src/core/faults.ts";
import { openStore } from "../src/nouns/store.ts";
import { gapsOf, REASONS, storyVerbs } from "./helpers/fault-routes.ts";

const VERBS = storyVerbs({ host: "127.0.0.1:5000" }, "/agent");

test("each route that changes something has a verb at whose fault points the daemon is killed, or a reason", () => {
  assert.deepEqual(gapsOf(endpoints, VERBS, REASONS), []);
});

test("a route without a verb is found, and so is a reason or a verb that is none", () => {
  const made = {
    toyList: { kind: "call", method: "GET", path: "/v1/toys" },
    toyMake: { kind: "operation", method: "POST", path: "/v1/toys" },
    toyTalk: { kind: "socket", method: "GET", path: "/v1/toys/{ref}/talk" },
    toyDelete: { kind: "call", method: "DELETE", path: "/v1/toys/{ref}" },
  } as const satisfies Endpoints;
  assert.deepEqual(gapsOf(made, [{ does: ["toyMake"] }], { toyTalk: "only talks" }), ["toyDelete is not told of"]);
  const all = [{ does: ["toyMake", "toyDelete"] }, { does: ["toyTalk"] }];
  assert.deepEqual(gapsOf(made, all, {}), []);
  assert.deepEqual(gapsOf(made, all, { toyTalk: "only talks" }), ["toyTalk needs no reason"]);
  assert.deepEqual(gapsOf(made, [...all, { does: ["toyList"] }], {}), ["toyList changes nothing"]);
});

test("verbs do what their commands begin, at points that there are", async () => {
  // Points of intents are known once their nouns are, those of steps once there are tables.
  await import("../src/nouns/built-in-nouns.ts");
  openStore(":memory:")[Symbol.dispose]();
  const points = new Set(allFaultPoints());
  for (const { argv, does, run, only = [] } of VERBS) {
    const said = argv.join(" ");
    const command = commands.find(({ name }) => name.every((word, i) => argv[i] === word));
    assert.ok(command !== undefined || run !== undefined, `${said} is no command`);
    const { begins } = command ?? {};
    if (begins !== undefined)
      assert.ok(
        does.some((route) => begins.includes(route)),
        `${said} does another thing`,
      );
    assert.deepEqual(
      only.filter((point) => !points.has(point)),
      [],
      said,
    );
  }
});
