import assert from "node:assert/strict";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { execa } from "execa";

const SCRIPT = fileURLToPath(new URL("../kernel/check-config.sh", import.meta.url));
const FRAGMENT = fileURLToPath(new URL("../kernel/generic.config", import.meta.url));

async function check(fragment: string, config: string): Promise<{ readonly status: number; readonly lines: string[] }> {
  await using dir = await mkdtempDisposable(join(tmpdir(), "kernel-config-"));
  const asked = join(dir.path, "fragment");
  const made = join(dir.path, "config");
  await writeFile(asked, fragment);
  await writeFile(made, config);
  const result = await execa(SCRIPT, [asked, made], { reject: false });
  return { status: result.exitCode ?? -1, lines: result.stdout.split("\n").filter((line) => line !== "") };
}

test("a configuration that has all that was asked for passes", async () => {
  const asked =
    '# group: one\nCONFIG_A=y\n# CONFIG_B is not set\n# CONFIG_C is not set\nCONFIG_NAME="a=b"\nCONFIG_NUMBER=4\n';
  const made = 'CONFIG_NUMBER=4\nCONFIG_NAME="a=b"\n# CONFIG_B is not set\nCONFIG_A=y\nCONFIG_OTHER=y\n';
  assert.deepEqual(await check(asked, made), { status: 0, lines: [] });
});

test("each option that was lost, changed or forced on is named", async () => {
  const asked = "CONFIG_GONE=y\nCONFIG_OFF=y\nCONFIG_NUMBER=4\n# CONFIG_FORCED is not set\nCONFIG_KEPT=y\n";
  const made = "# CONFIG_OFF is not set\nCONFIG_NUMBER=1\nCONFIG_FORCED=y\nCONFIG_KEPT=y\n";
  assert.deepEqual(await check(asked, made), {
    status: 1,
    lines: [
      "CONFIG_GONE: asked for y, is n",
      "CONFIG_OFF: asked for y, is n",
      "CONFIG_NUMBER: asked for 4, is 1",
      "CONFIG_FORCED: asked for n, is y",
    ],
  });
});

test("a line that is no option, and an option asked for twice, are mistakes of the fragment", async () => {
  assert.deepEqual(await check("CONFIG_A=y\nCONFG_B=y\nCONFIG_A=y\n", "CONFIG_A=y\n"), {
    status: 1,
    lines: ["line 2: not an option: CONFG_B=y", "CONFIG_A: asked for twice"],
  });
});

test("our own fragment asks for each option once, and is well formed", async () => {
  const ours = await readFile(FRAGMENT, "utf8");
  assert.deepEqual(await check(ours, ours), { status: 0, lines: [] });
});

test("a missing file is wrong usage", async () => {
  const result = await execa(SCRIPT, [FRAGMENT, "/nonexistent"], { reject: false });
  assert.equal(result.exitCode, 2);
});
