import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { createQemuDriver } from "../../src/vmm/qemu/qemu-driver.ts";
import { findQemu } from "../../src/vmm/qemu/qemu-binary.ts";
import { consoleShows, TinyGuest } from "../helpers/tiny-guest.ts";

/** Of the protocol of GDB's remote targets: one instruction of the guest's. */
const STEP = "+$s#73";

/** QEMU's internal errors cannot be had at will; after a step for a debugger it stops by itself in the same way. */
test("a machine that QEMU stopped by itself says why, and one that we paused does not", async () => {
  await using guest = await TinyGuest.make();
  const debuggerSocket = join(guest.folder, "gdb");
  const qemuBin = join(guest.folder, "qemu");
  // Whose path has a comma, which QEMU takes doubled.
  const option = `unix:${debuggerSocket.replaceAll(",", ",,")},server=on,wait=off`;
  await writeFile(qemuBin, `#!/bin/sh\nexec ${await findQemu(undefined)} "$@" -gdb '${option}'\n`);
  await chmod(qemuBin, 0o755);
  const limit = AbortSignal.timeout(60_000);
  const spec = await guest.spec("tick");
  const machine = guest.own(await createQemuDriver({ accel: "tcg", qemuBin }).start(spec, limit));
  const heard: string[] = [];
  const { pause, ownStops } = machine;
  assert.ok(pause && ownStops);
  ownStops.onStopped((reason) => heard.push(reason));
  await consoleShows(spec.consoleLog, /tick 1\b/);

  await pause(limit);
  assert.ok(await machine.isPaused(limit));
  assert.equal(await ownStops.reason(limit), undefined);
  await machine.resume(limit);
  assert.deepEqual(heard, []);

  const stepper = createConnection(debuggerSocket);
  await once(stepper, "connect", { signal: limit });
  stepper.write(STEP);
  while (heard.length === 0) await after(20, undefined, { signal: limit });
  assert.ok(
    heard.every((reason) => reason === "debug"),
    heard.join(),
  );
  assert.equal(await ownStops.reason(limit), "debug");
  assert.equal(await ownStops.forDisk(limit), undefined);
  await machine.resume(limit);
  assert.equal(await ownStops.reason(limit), undefined);
  stepper.destroy();
});
