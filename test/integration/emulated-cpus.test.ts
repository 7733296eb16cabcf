import assert from "node:assert/strict";
import { test } from "node:test";
import { createQemuDriver } from "../../src/vmm/qemu/qemu-driver.ts";
import { consoleShows, TinyGuest } from "../helpers/tiny-guest.ts";

/** Of 15 s of this, most runs end in `Oops: int3` where each CPU has a thread of its own. */
test("an emulated guest may change its kernel's code while another of its CPUs runs it", async () => {
  await using guest = await TinyGuest.make();
  const spec = await guest.spec("patch", { vcpus: 2 });
  const machine = guest.own(await createQemuDriver({ accel: "tcg" }).start(spec, AbortSignal.timeout(30_000)));
  const [seen] = await consoleShows(spec.consoleLog, /tiny: patched with \d+ CPUs|Oops|panic/, 120_000);
  assert.equal(seen, "tiny: patched with 2 CPUs");
  await machine.kill();
});
