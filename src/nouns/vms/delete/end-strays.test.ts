import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { layoutFrom, vmRunDir, type Layout } from "../../../model/layout.ts";
import { endStrays, findStrays } from "./end-strays.ts";

const VM = "vm-0123456789abcdef";
const OTHER = "vm-fedcba9876543210";

async function newLayout(t: TestContext): Promise<Layout> {
  const home = await mkdtemp(join(tmpdir(), "strays-"));
  t.after(() => rm(home, { recursive: true }));
  return layoutFrom({ HOME: home, XDG_RUNTIME_DIR: join(home, "other") });
}

/** A process that works in a folder, or has a word among its arguments. */
async function running(t: TestContext, cwd: string, word = "x"): Promise<ChildProcess> {
  await mkdir(cwd, { recursive: true });
  const child = spawn("sh", ["-c", "read line", "sh", word], { cwd, stdio: ["pipe", "ignore", "ignore"] });
  await once(child, "spawn");
  t.after(() => child.kill("SIGKILL"));
  return child;
}

/** What drivers say has this VM's id in its words. */
function context(layout: Layout, ...children: readonly ChildProcess[]) {
  const strays = async (): Promise<readonly number[]> => children.map(({ pid }) => pid ?? 0);
  return { layout, drivers: { all: async () => [{ strays }] } } as unknown as Parameters<typeof findStrays>[0];
}

test("a VMM that bears a VM's id is its stray only if it works in this instance's folders", async (t) => {
  const layout = await newLayout(t);
  const [run, data] = [vmRunDir(layout, VM), join(layout.vmsDir, VM)];
  const ours = [
    await running(t, run),
    await running(t, join(layout.otherRunDir, VM)),
    await running(t, data),
    await running(t, "/", `file=${data}/root.qcow2`),
    await running(t, "/", `--api-sock=${run}/api.sock`),
  ];
  const others = [
    await running(t, "/"),
    await running(t, layout.runDir),
    await running(t, vmRunDir(layout, OTHER)),
    await running(t, join(run, "deeper")),
    await running(t, "/", `${run}x/api.sock`),
    await running(t, "/", run),
  ];
  const found = await findStrays(context(layout, ...ours, ...others), VM);
  assert.deepEqual(
    found.map(({ pid }) => pid),
    ours.map(({ pid }) => pid),
  );
});

test("one whose folder is gone works in it still; who has ended is none", async (t) => {
  const layout = await newLayout(t);
  const run = vmRunDir(layout, VM);
  const [stray, ended] = [await running(t, run), await running(t, run)];
  ended.kill("SIGKILL");
  await once(ended, "exit");
  await rm(run, { recursive: true });
  const found = await findStrays(context(layout, stray, ended), VM);
  assert.deepEqual(
    found.map(({ pid }) => pid),
    [stray.pid],
  );
});

test("what is no id has no strays: it would become part of a path", async (t) => {
  const layout = await newLayout(t);
  const child = await running(t, layout.runDir);
  for (const id of ["", ".", "..", "../run"]) assert.deepEqual(await findStrays(context(layout, child), id), [], id);
});

test("strays are ended, and nobody else is", async (t) => {
  const layout = await newLayout(t);
  const [stray, other] = [await running(t, vmRunDir(layout, VM)), await running(t, vmRunDir(layout, OTHER))];
  const gone = once(stray, "exit");
  await endStrays(context(layout, stray, other), VM);
  assert.deepEqual(await gone, [null, "SIGKILL"]);
  assert.deepEqual([other.exitCode, other.signalCode], [null, null]);
});
