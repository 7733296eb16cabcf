import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { layoutFrom } from "../../src/model/layout.ts";
import { checkOrder } from "../helpers/fault-order.ts";
import { askDaemon, tellFaultStory } from "../helpers/fault-story.ts";
import { VERBS_AT_REST } from "../helpers/fault-verbs.ts";
import { TestHost } from "../helpers/test-host.ts";

// All verbs, at all points: test/long/fault-points.test.ts.
test("kill -9 between two steps of a kernel's or a pulled image's verb loses nothing", async (t) => {
  const { visited, kills } = await tellFaultStory(VERBS_AT_REST.slice(0, 4), () => {});
  t.diagnostic(`${kills} kills at ${visited.size} points`);
  assert.ok(kills >= 15, `${kills} kills`);
});

test("what is left behind is seen by whoever looks for order: a folder, and an intent that nobody ends", async () => {
  await using host = await TestHost.start();
  await host.ok(["daemon", "start"]);
  const layout = layoutFrom(host.env);
  const daemon = askDaemon(host);
  await checkOrder(host, daemon, "at first");
  const left = join(layout.imagesDir, "img-0123456789abcdef");
  await mkdir(left, { recursive: true });
  await assert.rejects(checkOrder(host, daemon, "a folder"), /a folder/);
  await rm(left, { recursive: true });
  using database = new DatabaseSync(layout.database);
  database.exec(
    "INSERT INTO intents (id, kind, subject, startedAt, payload) VALUES ('i', 'of.tomorrow', 'x', '', 'null')",
  );
  await assert.rejects(checkOrder(host, daemon, "an intent"), /intents that are still open/);
  database.exec("DELETE FROM intents");
  await checkOrder(host, daemon, "at last");
});
