import assert from "node:assert/strict";
import { access, constants } from "node:fs/promises";
import { test } from "node:test";
import { untilAborted } from "../../src/lib/deadline.ts";
import { createQemuDriver } from "../../src/vmm/qemu/qemu-driver.ts";
import { renewAgentSecret } from "../../src/nouns/vms/guest/agent-secret.ts";
import { TinyGuest } from "../helpers/tiny-guest.ts";

const usable = await access("/dev/vhost-vsock", constants.R_OK | constants.W_OK).then(
  () => true,
  () => false,
);
const skip = usable
  ? false
  : "this host has no /dev/vhost-vsock; guarded-line.test.ts has a vsock of another kind in its place";

test("on QEMU the agent is reached by the host's own vsock where there is one", { skip }, async () => {
  await using guest = await TinyGuest.make();
  const plain = await guest.agentSpec();
  const spec = { ...plain, kernel: { ...plain.kernel, vsock: true } };
  const limit = AbortSignal.timeout(60_000);
  await renewAgentSecret(spec.consoleLog);
  const machine = guest.own(await createQemuDriver({ accel: "tcg" }).start(spec, limit));
  assert.equal(machine.line.kind, "vhost-vsock");
  assert.equal(await guest.runByAgent(machine, ["/bin/busybox", "echo", "here"], limit), "here\n");
  await guest.shutDownByAgent(machine, limit);
  assert.equal((await untilAborted(machine.exited, limit)).clean, true);
});

test("a kernel without a vsock keeps the serial line", async () => {
  await using guest = await TinyGuest.make();
  const limit = AbortSignal.timeout(60_000);
  const machine = guest.own(await createQemuDriver({ accel: "tcg" }).start(await guest.spec("tick"), limit));
  assert.equal(machine.line.kind, "virtio-serial");
  await machine.kill();
});
