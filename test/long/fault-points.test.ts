import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFile, copyFile, mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { tellFaultStory } from "../helpers/fault-story.ts";
import { kernelUpdateVerb, refreshVerb, VERBS_APART } from "../helpers/fault-verbs-apart.ts";
import { VERBS_AT_REST, VERBS_WHILE_RUNNING } from "../helpers/fault-verbs.ts";
import { ROOT } from "../helpers/test-host.ts";
import { TestRegistry } from "../helpers/test-registry.ts";

const exec = promisify(execFile);

/** Points that this story does not pass, with the reason. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "vm/installed":
    "a first boot that installs an init takes minutes, and a mirror: test/helpers/foreign-distribution.ts",
};

test("kill -9 at each point of each verb loses nothing and leaves nothing", { timeout: 55 * 60_000 }, async (t) => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "banger-story-"));
  await using registry = await TestRegistry.start();
  const otherAgent = join(folder.path, "agent");
  await copyFile(join(ROOT, "build", "bin", "banger-vsock-agent"), otherAgent);
  // Behind an ELF's own bytes nobody looks.
  await appendFile(otherAgent, "another");
  const { stdout } = await exec(join(ROOT, "build", "bin", "bangerd"), ["--fault-points"]);
  const all = stdout.trim().split("\n");
  const verbs = [
    ...VERBS_AT_REST,
    refreshVerb(otherAgent),
    kernelUpdateVerb(registry),
    ...VERBS_WHILE_RUNNING,
    ...VERBS_APART,
  ];
  const { visited, kills } = await tellFaultStory(verbs, (line) => process.stdout.write(`${line}\n`));
  const missed = all.filter((point) => !visited.has(point) && !point.endsWith("/undone") && !(point in ELSEWHERE));
  t.diagnostic(`${kills} kills at ${visited.size} of ${all.length} points`);
  assert.deepEqual(missed, [], "points that no verb of the story passes");
  assert.deepEqual(
    Object.keys(ELSEWHERE).filter((point) => !all.includes(point) || visited.has(point)),
    [],
    "exceptions that are none",
  );
});
