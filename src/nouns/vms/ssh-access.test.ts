import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { test } from "node:test";
import { lyingAgent } from "../../guest/testing/lying-agent.ts";
import { configSchema } from "../../model/config.ts";
import { machineOf, VM_ID, vmScene } from "./testing/vm-scene.ts";
import { vmVerbs } from "./vm-verbs.ts";

test("a VM whose sockets lie where an earlier banger put them can be logged in to", async (t) => {
  const { context, vm, runDir } = await vmScene(t);
  await using agent = await lyingAgent({});
  const { live } = machineOf(vm, {}, () => agent.connect());
  t.after(() => live.close());
  context.live.set(VM_ID, live);
  Object.assign(context, { config: configSchema.parse({}) });
  const { sshKey } = context.layout;
  await mkdir(dirname(sshKey), { recursive: true });
  for (const path of [sshKey, `${sshKey}.pub`]) await writeFile(path, "ssh-ed25519 AAAA banger\n");
  await rm(runDir, { recursive: true });
  const access = await vmVerbs(context).ssh("box", new AbortController().signal);
  const known = `${VM_ID} ssh-ed25519 AAAA\n`;
  assert.equal(await readFile(access.knownHostsPath, "utf8"), known);

  // Its next machine has a new run folder; lines of ssh_config that were printed before name the file in the old one.
  await rm(runDir, { recursive: true });
  const forwarding = (kind: "ssh" | "unix") =>
    vmVerbs(context).forward("box", kind === "ssh" ? { kind } : { kind, path: "/s" }, AbortSignal.timeout(10_000));
  await assert.rejects(forwarding("unix"));
  await assert.rejects(readFile(access.knownHostsPath), { code: "ENOENT" });
  await assert.rejects(forwarding("ssh"));
  assert.equal(await readFile(access.knownHostsPath, "utf8"), known);
});
