import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { BangerError } from "../lib/errors.ts";
import { configSchema } from "../model/config.ts";
import { parseConfig } from "./config.ts";

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
