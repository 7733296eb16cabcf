import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { unseenEnd } from "./unseen-end.ts";

test("what became of a machine that nobody watched is read from its console, as far as that tells", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "unseen-"));
  t.after(() => rm(folder, { recursive: true }));
  const consoleLog = join(folder, "console.log");
  const of = async (text: string) => {
    await writeFile(consoleLog, text);
    const { clean, cause, reason } = await unseenEnd({ consoleLog });
    return [clean, cause, reason];
  };
  assert.deepEqual(await of("login: "), [false, "unseen", "the VMM ended while no daemon ran"]);
  assert.deepEqual(await of("[ 9.1] reboot: Restarting system\r\n"), [
    true,
    "guest-reboot",
    "the guest rebooted while no daemon ran",
  ]);
  assert.deepEqual((await of("[ 9.1] reboot: Power down\r\n")).slice(0, 2), [true, "guest-shutdown"]);
  const [clean, cause, reason] = await of("[ 9.1] Kernel panic - not syncing: x\r\n");
  assert.deepEqual(
    [clean, cause, reason],
    [false, "guest-panic", "the guest's kernel panicked: x while no daemon ran"],
  );
  await rm(consoleLog);
  assert.equal((await unseenEnd({ consoleLog })).cause, "unseen");
});
