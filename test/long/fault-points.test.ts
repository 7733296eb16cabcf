import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFile, copyFile, mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { tellFaultStory } from "../helpers/fault-story.ts";
import { storyVerbs } from "../helpers/fault-routes.ts";
import { ROOT } from "../helpers/test-host.ts";
import { TestRegistry } from "../helpers/test-registry.ts";

const exec = promisify(execFile);

/** A part of the story, by a regular expression for the words of its verbs: `BANGER_FAULT_VERBS="vm (start|stop)"`. */
const PART = process.env["BANGER_FAULT_VERBS"];

/** Points that this story does not pass, with the reason. */
const ELSEWHERE: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ...["created", "filled", "pulled", "pushed", "deleted"].map((step) => `workspace/${step}`),
    ...["create", "apply", "delete"].flatMap((verb) => [`workspace.${verb}/begun`, `workspace.${verb}/done`]),
    ...["create", "apply"].map((verb) => `workspace.${verb}/undone`),
  ].map((point) => [point, "needs a guest with git, and dies there: test/e2e/workspaces.test.ts"]),
);

test("kill -9 at each point of each verb loses nothing and leaves nothing", { timeout: 55 * 60_000 }, async (t) => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "banger-story-"));
  await using registry = await TestRegistry.start();
  const otherAgent = join(folder.path, "agent");
  await copyFile(join(ROOT, "build", "bin", "banger-vsock-agent"), otherAgent);
  // Behind an ELF's own bytes nobody looks.
  await appendFile(otherAgent, "another");
  const { stdout } = await exec(join(ROOT, "build", "bin", "bangerd"), ["--fault-points"]);
  const all = stdout.trim().split("\n");
  const wanted = PART === undefined ? undefined : new RegExp(PART);
  const { visited, kills } = await tellFaultStory(
    storyVerbs(registry, otherAgent),
    (line) => process.stdout.write(`${line}\n`),
    wanted,
  );
  t.diagnostic(`${kills} kills at ${visited.size} of ${all.length} points`);
  assert.deepEqual(
    [...visited].filter((point) => !all.includes(point)),
    [],
    "points that are not in the list of all",
  );
  if (wanted !== undefined) return;
  assert.deepEqual(
    all.filter((point) => !visited.has(point) && !(point in ELSEWHERE)),
    [],
    "points that no verb of the story passes",
  );
});
