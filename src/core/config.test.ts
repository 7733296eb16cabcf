import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BangerError } from "../lib/errors.ts";
import { configSchema } from "../model/config.ts";
import { loadConfig, parseConfig } from "./config.ts";

function mistakes(text: string): string {
  try {
    parseConfig(text, "config.toml");
  } catch (error) {
    assert.ok(error instanceof BangerError);
    assert.equal(error.code, "CONFIG_INVALID");
    return error.message;
  }
  return assert.fail("it was accepted");
}

test("an empty file is a whole configuration", () => {
  const config = parseConfig("", "config.toml");
  assert.equal(config.default_kernel, "debian-cloud");
  assert.equal(config.vm.memory, "1G");
});

test("values are taken", () => {
  assert.equal(parseConfig("[vm]\nvcpus = 4\n", "c").vm.vcpus, 4);
});

test("an unknown key is named with its line", () => {
  assert.match(mistakes('vmm = "qemu"\n\nshh_key_path = "/k"\n'), /line 3: unknown key "shh_key_path"/);
  assert.match(mistakes("[vm]\nvcpus = 2\nmemroy = 1\n"), /line 3: unknown key "vm.memroy"/);
  assert.match(mistakes("vm = { cpu = 1 }\n"), /line 1: unknown key "vm.cpu"/);
});

test("a bad value is named with its line", () => {
  assert.match(mistakes("\n[vm]\nvcpus = 0\n"), /line 3: "vm.vcpus"/);
  assert.match(mistakes('vmm = "xen"\n'), /line 1: "vmm"/);
});

test("text that is not TOML is named with its line", () => {
  assert.match(mistakes("vmm = = 1\n"), /line 1/);
  assert.match(mistakes('vmm = "qemu"\nvmm = "auto"\n'), /line 2/);
});

test("the README shows every key, and what it shows is valid", async () => {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const shown = /```toml\n([^]*?)```/.exec(readme)?.[1] ?? "";
  const config = parseConfig(shown, "README.md");
  assert.deepEqual(Object.keys(config).toSorted(), Object.keys(configSchema.shape).toSorted());
});

test("a file that is not there is an empty one; one that cannot be read, or is huge, is a mistake", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "banger-config-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "config.toml");
  assert.deepEqual(await loadConfig(path), parseConfig("", path));
  await writeFile(path, "[vm]\nvcpus = 4\n");
  assert.equal((await loadConfig(path)).vm.vcpus, 4);
  await assert.rejects(loadConfig(folder), { code: "CONFIG_INVALID", why: /EISDIR/ });
  const mebibyte = 1024 ** 2;
  await writeFile(path, "#".repeat(mebibyte));
  await loadConfig(path);
  await writeFile(path, "#".repeat(mebibyte + 1));
  await assert.rejects(loadConfig(path), { code: "CONFIG_INVALID", why: /larger than 1048576 bytes/ });
});
