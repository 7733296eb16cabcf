import assert from "node:assert/strict";
import { test } from "node:test";
import { tellFaultStory, VERBS_AT_REST } from "../helpers/fault-story.ts";

// Every verb, and those that find a guest: test/long/fault-points.test.ts.
test("kill -9 between two steps of a kernel's, an image's or a resting VM's verb loses nothing", async (t) => {
  const { visited, kills } = await tellFaultStory(VERBS_AT_REST, () => {});
  t.diagnostic(`${kills} kills at ${visited.size} points`);
  assert.ok(kills >= 30, `${kills} kills`);
});
