import assert from "node:assert/strict";
import { test } from "node:test";
import { tellFaultStory } from "../helpers/fault-story.ts";
import { VERBS_AT_REST } from "../helpers/fault-verbs.ts";

// All verbs, at all points: test/long/fault-points.test.ts.
test("kill -9 between two steps of a kernel's or a pulled image's verb loses nothing", async (t) => {
  const { visited, kills } = await tellFaultStory(VERBS_AT_REST.slice(0, 4), () => {});
  t.diagnostic(`${kills} kills at ${visited.size} points`);
  assert.ok(kills >= 15, `${kills} kills`);
});
