import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { firecrackerFinder } from "./firecracker-binary.ts";

async function scratch() {
  const path = await mkdtemp(join(tmpdir(), "banger-firecracker-"));
  const binary = join(path, "firecracker");
  return {
    path,
    binary,
    /** Puts a program there that says this when it is asked for its version, and counts how often it is asked. */
    async says(text: string): Promise<void> {
      await writeFile(binary, `#!/bin/sh\necho asked >> ${path}/asked\nprintf '%s\\n' '${text}'\n`);
      await chmod(binary, 0o755);
    },
    asked: async (): Promise<number> => (await readFile(join(path, "asked"), "utf8")).split("\n").length - 1,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

test("Firecracker is asked once which it is, until its file is another one", async () => {
  await using host = await scratch();
  await host.says("Firecracker v1.14.0");
  const find = firecrackerFinder({ searchPath: host.path });
  const first = await find();
  assert.equal(first.path, host.binary);
  assert.deepEqual(await find(), first);
  assert.equal(await host.asked(), 1);
  await host.says("Firecracker v1.15.0, and a file of another length");
  assert.notDeepEqual((await find()).version, first.version);
  assert.equal(await host.asked(), 2);
});

test("one that could not say which it is is asked again", async () => {
  await using host = await scratch();
  await host.says("no such thing");
  const find = firecrackerFinder({ firecrackerBin: host.binary });
  for (const times of [1, 2]) {
    await assert.rejects(find(), { code: "VMM_FAILED", why: /no such thing/ });
    assert.equal(await host.asked(), times);
  }
});

test("one that is too old is refused by its version", async () => {
  await using host = await scratch();
  await host.says("Firecracker v0.20.0");
  await assert.rejects(firecrackerFinder({ searchPath: host.path })(), {
    code: "VMM_CANNOT",
    fix: new RegExp(host.binary),
  });
});

test("where there is none, the error says how it is had", async () => {
  await using host = await scratch();
  await assert.rejects(firecrackerFinder({ searchPath: host.path })(), { code: "TOOL_MISSING", fix: /into PATH/ });
  const find = firecrackerFinder({ firecrackerBin: "/none/firecracker", searchPath: host.path });
  await assert.rejects(find(), { code: "TOOL_MISSING", fix: /^correct `firecracker_bin`/ });
});
