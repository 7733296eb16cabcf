import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BangerError } from "../../../lib/errors.ts";
import { layoutFrom } from "../../../model/layout.ts";
import type { Vm } from "../../../model/vm.ts";
import { keepConsoleLog } from "./failed-start-log.ts";
import type { VmContext } from "../vm-context.ts";

const failed = new BangerError("VM_START_FAILED", { what: "it did not start", why: "a panic", fix: "look" });
const vm = { id: "vm-0123456789abcdef", name: "box" } as Vm;

test("what a VM said that never came up is kept, and the error says where", async () => {
  const home = await mkdtemp(join(tmpdir(), "banger-failed-"));
  try {
    const layout = layoutFrom({ HOME: home });
    const log = { warn: (what: unknown) => assert.fail(String(what)) } as unknown as VmContext["log"];
    const context = { layout, log } as VmContext;
    const console = join(layout.vmsDir, vm.id, "console.log");
    assert.equal(await keepConsoleLog(context, vm, failed), failed, "a silent one keeps its error");
    await mkdir(join(layout.vmsDir, vm.id), { recursive: true });
    await writeFile(console, "Kernel panic\n");
    const told = await keepConsoleLog(context, vm, failed);
    assert.equal(told.code, "VM_START_FAILED");
    const kept = String(told.data["consoleLog"]);
    assert.ok(told.fix.includes(kept), told.fix);
    assert.equal(await readFile(kept, "utf8"), "Kernel panic\n");
    const cancelled = new BangerError("CANCELLED", { what: "cancelled", fix: "again" });
    assert.equal(await keepConsoleLog(context, vm, cancelled), cancelled);

    const folder = join(layout.stateDir, "failed-starts");
    for (let i = 0; i < 60; i += 1) await writeFile(join(folder, `old-2026-01-02T0304050${10 + i}Z.log`), "");
    await keepConsoleLog(context, { ...vm, name: "newest" }, failed);
    const names = await readdir(folder);
    assert.equal(names.length, 50);
    assert.ok(names.some((name) => name.startsWith("newest-")));
  } finally {
    await rm(home, { recursive: true });
  }
});
