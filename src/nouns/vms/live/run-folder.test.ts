import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { AgentLine } from "../../../model/vm.ts";
import { checkLine } from "./run-folder.ts";

test("a line lacks its socket: always, or while the secret is still to be brought by it", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "line-"));
  t.after(() => rm(folder, { recursive: true }));
  const [there, removed] = [join(folder, "there"), join(folder, "removed")];
  await writeFile(there, "");
  const serial = (socketPath: string): AgentLine => ({ kind: "virtio-serial", socketPath });
  const vsock = (secretSocketPath?: string): AgentLine => ({
    kind: "vhost-vsock",
    cid: 77,
    port: 1024,
    ...(secretSocketPath !== undefined && { secretSocketPath }),
  });
  for (const line of [serial(there), vsock(there), vsock()]) {
    await checkLine(line, false);
    await checkLine(line, true);
  }
  const told = { code: "AGENT_UNREACHABLE", why: new RegExp(`socket was removed: ${removed}`), fix: /vm stop --force/ };
  await assert.rejects(checkLine(serial(removed), true), told);
  await assert.rejects(checkLine(vsock(removed), false), told);
  await checkLine(vsock(removed), true);
});
