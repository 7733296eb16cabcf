import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex, PassThrough } from "node:stream";
import { test } from "node:test";
import { findExecutable } from "../../lib/find-executable.ts";
import { openQmp } from "./qmp.ts";
import type { QmpEvent } from "./qmp-messages.ts";

const QEMU = await findExecutable("qemu-system-x86_64");
const needsQemu = { skip: QEMU === undefined ? "no QEMU" : false, timeout: 30_000 };
const limit = (): AbortSignal => AbortSignal.timeout(20_000);

/** A machine of nothing, with a control socket and a first control connection of ours. */
async function withQemu(work: (first: Duplex, path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "qmp-"));
  const path = join(folder, "qmp.sock");
  const argv = ["-M", "none", "-nodefaults", "-display", "none", "-chardev", "socket,id=boot,fd=3"];
  argv.push("-mon", "chardev=boot,mode=control", "-qmp", `unix:${path},server=on,wait=off`);
  const child = spawn(QEMU ?? "", argv, { stdio: ["ignore", "ignore", "inherit", "pipe"] });
  const exited = once(child, "exit");
  try {
    await work(child.stdio[3] as Duplex, path);
  } finally {
    child.kill("SIGKILL");
    await exited;
    await rm(folder, { recursive: true });
  }
}

test("speaks with a real QEMU: commands, refusals, events, and its end", needsQemu, () =>
  withQemu(async (first) => {
    const events: QmpEvent[] = [];
    const qmp = await openQmp(first, (event) => events.push(event), limit());
    assert.ok(qmp.version.major >= 5);
    const answers = await Promise.all([qmp.execute("query-name", {}, limit()), qmp.execute("query-uuid", {}, limit())]);
    assert.deepEqual(answers, [{}, { UUID: "00000000-0000-0000-0000-000000000000" }], "each its own answer");
    await assert.rejects(qmp.execute("no-such-command", {}, limit()), {
      code: "VMM_FAILED",
      message: /no-such-command/,
    });
    await qmp.execute("quit", {}, limit());
    await qmp.closed;
    assert.deepEqual(events.find(({ event }) => event === "SHUTDOWN")?.data["reason"], "host-qmp-quit");
    await assert.rejects(qmp.execute("query-name", {}, limit()), { code: "VMM_FAILED" });
  }),
);

test("a session that broke off leaves the socket to the next", needsQemu, () =>
  withQemu(async (first, path) => {
    const boot = await openQmp(first, () => {}, limit());
    for (let round = 0; round < 3; round += 1) {
      const qmp = await openQmp(createConnection(path), () => {}, limit());
      await qmp.execute("query-name", {}, limit());
      qmp.close();
      await qmp.closed;
    }
    boot.close();
  }),
);

/** A server that says what it is told to. */
function saying(text: string): Duplex {
  const toUs = new PassThrough();
  toUs.write(text);
  return Duplex.from({ readable: toUs, writable: new PassThrough() });
}

test("a server that speaks something else is told apart", async () => {
  for (const text of ["SSH-2.0-OpenSSH\n", "{}\n", `"${"x".repeat(1024 ** 2 + 1)}`]) {
    await assert.rejects(
      openQmp(saying(text), () => {}, limit()),
      { code: "VMM_FAILED", what: /does not speak QMP/ },
    );
  }
});

test("one that is silent is given up with the signal", async () => {
  await assert.rejects(openQmp(saying(""), () => {}, AbortSignal.timeout(50)));
});

test("one that is not there says so", async () => {
  const nobody = createConnection("/nonexistent/qmp.sock");
  await assert.rejects(
    openQmp(nobody, () => {}, limit()),
    { code: "VMM_FAILED", message: /ENOENT/ },
  );
});
