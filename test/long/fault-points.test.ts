import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { tellFaultStory, VERBS_AT_REST, VERBS_WHILE_RUNNING } from "../helpers/fault-story.ts";
import { ROOT } from "../helpers/test-host.ts";

const exec = promisify(execFile);

/** Points that this story does not pass, with the reason. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "image/built": "needs buildah or docker",
  "image/kernel-changed": "a newer version of a kernel that is in use: test/integration/kernel-catalog.test.ts",
  "image/refreshed": "needs an image with another banger's agent",
  "image/restamped": "files of the user's that changed",
  "image.refresh/begun": "needs an image with another banger's agent",
  "image.refresh/done": "the same",
  "kernel/released": "an image that came from another banger: test/attack/oci-artefact.test.ts",
  "kernel/renamed": "a newer version of a kernel that is in use",
  "vm/failed": "a start that fails",
  "vm/installed": "a first boot that installs an init",
  "vm/networked": "a VM with a network",
  "vm/rebooted": "a guest that boots another kernel",
  "vm/service-changed": "a kept command",
  "vm/start-cancelled": "a start that is given up",
  "vm/stop-cancelled": "a stop that is given up",
  "vm/system-known": "a guest with systemd",
};

test("kill -9 at each point of each verb loses nothing and leaves nothing", { timeout: 55 * 60_000 }, async (t) => {
  const { stdout } = await exec(join(ROOT, "build", "bin", "bangerd"), ["--fault-points"]);
  const all = stdout.trim().split("\n");
  const { visited, kills } = await tellFaultStory([...VERBS_AT_REST, ...VERBS_WHILE_RUNNING], (line) =>
    process.stdout.write(`${line}\n`),
  );
  const missed = all.filter((point) => !visited.has(point) && !point.endsWith("/undone") && !(point in ELSEWHERE));
  t.diagnostic(`${kills} kills at ${visited.size} of ${all.length} points`);
  assert.deepEqual(missed, [], "points that no verb of the story passes");
  assert.deepEqual(
    Object.keys(ELSEWHERE).filter((point) => !all.includes(point) || visited.has(point)),
    [],
    "exceptions that are none",
  );
});
