import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "../../lib/errors.ts";
import { commands } from "../registry.ts";
import { inWordsOfOptions } from "./option-words.ts";

const told = (words: string, text: string, fields?: readonly string[]): string => {
  const called = commands.find(({ name }) => name.join(" ") === words);
  const error = new BangerError("BAD_REQUEST", {
    what: text,
    why: text,
    fix: text,
    ...(fields && { data: { fields } }),
  });
  const { what, why, fix, data } = inWordsOfOptions(error, called, commands);
  assert.deepEqual([why, fix, data["fields"]], [what, what, fields]);
  return what;
};

test("a field is called by the option of the command that was called", () => {
  assert.equal(told("vm create", "`memoryBytes` cannot be 0", ["memoryBytes"]), "--memory cannot be 0");
  assert.equal(told("vm create", "`publish.0.hostPort`: x", ["publish.0.hostPort"]), "--publish.0.hostPort: x");
  assert.equal(told("vm create", "`workDiskSizeBytes`", ["workDiskSizeBytes"]), "--work-disk");
  assert.equal(told("vm resize", "`workDiskSizeBytes`", ["workDiskSizeBytes"]), "--work-disk-size");
  assert.equal(told("vm create", "`service.command.0`", ["service.command.0"]), "--service.command.0");
  assert.equal(told("vm create", "`service.restart`, `env`", ["service.restart", "env"]), "--restart, --env");
});

test("an option that is called as its field needs no word about it, and an argument is no option", () => {
  assert.equal(told("image register", "`kernelRef`, `rootfs`", ["kernelRef", "rootfs"]), "--kernel-ref, --rootfs");
  assert.equal(told("image register", "`name`", ["name"]), "the name");
});

test("a field of another command is called as there, nearest first", () => {
  assert.equal(told("vm start", "`allowVms`", ["allowVms"]), "--allow-vms");
  assert.equal(told("image delete", "`onFail`", ["onFail"]), "--on-fail");
  assert.equal(told("doctor", "`netBandwidth`", ["netBandwidth"]), "--net-bandwidth");
});

test("what is no field, or is not said to be one, stays as it is", () => {
  assert.equal(told("vm create", "`nothing`", ["nothing"]), "`nothing`");
  assert.equal(told("vm create", "run `nat`"), "run `nat`");
  assert.equal(told("vm create", "run `nat`", ["publish"]), "run `nat`");
});
