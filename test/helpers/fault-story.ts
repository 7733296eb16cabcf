import assert from "node:assert/strict";
import { appendFile, copyFile, mkdir, readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { promisify } from "node:util";
import { execFile } from "node:child_process";
import { layoutFrom } from "../../src/model/layout.ts";
import { ROOT, TestHost } from "./test-host.ts";
import { busyboxImage } from "./test-images.ts";

const exec = promisify(execFile);

/** A verb as its user types it, and how what it did is taken back, so that it can be done again. */
export interface StoryVerb {
  readonly argv: readonly string[];
  /** How it is done, where that is more than to run it and see it succeed. */
  readonly run?: (host: TestHost) => Promise<void>;
  /** The points that this is told for; the others that it passes are those of another verb. All unless told. */
  readonly only?: readonly string[];
  /** Of the daemon that does it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether what it does is done, as its user sees it. */
  readonly isDone: (host: TestHost) => Promise<boolean>;
  readonly undo: readonly (readonly string[])[];
  /** Done before each attempt, outside of banger. */
  readonly before?: (host: TestHost) => Promise<void>;
  /** Done after each, before anybody looks. */
  readonly after?: (host: TestHost) => Promise<void>;
}

export interface Story {
  /** Points that a verb died at. */
  readonly visited: ReadonlySet<string>;
  readonly kills: number;
}

/**
 * Goes through verbs; lets the daemon die by SIGKILL at each point that each of them passes, and looks each time whether the
 * next daemon has put all in order and the verb can be done again.
 */
export async function tellFaultStory(verbs: readonly StoryVerb[], tell: (line: string) => void): Promise<Story> {
  await using host = await TestHost.start();
  await using image = await busyboxImage();
  const { stdout } = await exec(join(ROOT, "scripts", "make-generic-kernel.sh"), [], { maxBuffer: 2 ** 26 });
  const vmlinux = stdout.trim().split("\n").at(-1) ?? "";
  await copyFile(vmlinux, join(host.folder, "vmlinux"));
  await exec("cp", ["-r", image.folder, join(host.folder, "layout")]);
  await host.ok(["kernel", "import", "generic", "--vmlinux", "vmlinux"]);
  await host.ok(["image", "pull", "oci:layout:latest", "--name", "bb", "--kernel-ref", "generic"]);
  const { rootfs } = await host.json<{ rootfs: { path: string } }>(["image", "inspect", "bb"]);
  // Sparse, and small: each copy of it is hashed whole.
  const copy = join(host.folder, "copy.ext4");
  await exec("cp", ["--sparse=always", rootfs.path, copy]);
  await exec("resize2fs", [copy, "128M"]);
  const visited = new Set<string>();
  let kills = 0;
  for (const verb of verbs) {
    for (const point of await pointsOf(host, verb)) {
      await dieAt(host, verb, point);
      visited.add(point);
      kills += 1;
      await inOrder(host, `${verb.argv.join(" ")}, dead at ${point}`);
      const isDone = await verb.isDone(host);
      tell(`${verb.argv.slice(0, 2).join(" ")}: ${point}: ${isDone ? "done" : "undone"}`);
      if (isDone) for (const argv of verb.undo) await host.ok(argv);
    }
    await verb.before?.(host);
    await perform(host, verb);
    await verb.after?.(host);
  }
  return { visited, kills };
}

/** The points that a verb passes when nothing goes wrong. What it did is undone again. */
async function pointsOf(host: TestHost, verb: StoryVerb): Promise<readonly string[]> {
  const visits = join(host.folder, "visits");
  await rm(visits, { force: true });
  await appendFile(visits, "");
  await verb.before?.(host);
  await host.banger(["daemon", "stop"]);
  await host.ok(["vm", "list"], { env: { ...verb.env, BANGER_FAULT_VISITS: visits } });
  // The start of a daemon passes some, too.
  await rm(visits, { force: true });
  await perform(host, verb);
  await verb.after?.(host);
  await host.ok(["daemon", "stop"]);
  const passed = new Set((await readFile(visits, "utf8").catch(() => "")).split("\n").filter((line) => line !== ""));
  for (const argv of verb.undo) await host.ok(argv);
  const missed = (verb.only ?? []).filter((point) => !passed.has(point));
  assert.deepEqual(missed, [], `${verb.argv.join(" ")} does not pass them`);
  return verb.only ?? [...passed];
}

async function perform(host: TestHost, verb: StoryVerb): Promise<void> {
  if (verb.run === undefined) await host.ok(verb.argv);
  else await verb.run(host);
}

async function dieAt(host: TestHost, verb: StoryVerb, point: string): Promise<void> {
  await verb.before?.(host);
  await host.banger(["daemon", "stop"]);
  await host.ok(["daemon", "start"], { env: { ...verb.env, BANGER_FAULT: `${point}=kill` } });
  const pid = await host.daemonPid();
  // It fails, as a daemon that dies under it lets it.
  await perform(host, verb).catch(() => {});
  for (const until = performance.now() + 10_000; await lives(pid); await after(20)) {
    assert.ok(performance.now() < until, `the daemon outlived ${point} of ${verb.argv.join(" ")}`);
  }
  await verb.after?.(host);
}

/** One that nobody has waited for yet is dead, too. */
async function lives(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ") Z");
  return !stat.includes(") Z");
}

/** Nothing is lost, and nothing is left. */
async function inOrder(host: TestHost, said: string): Promise<void> {
  const layout = layoutFrom(host.env);
  await host.ok(["vm", "list"]);
  const { recovered } = await host.json<{ recovered: string[] }>(["daemon", "status"]);
  assert.ok(!recovered.some((line) => line.includes("could not be")), `${said}: ${recovered.join("; ")}`);
  assert.deepEqual(await host.json(["system", "orphans"]), [], said);
  await mkdir(layout.workDir, { recursive: true });
  assert.deepEqual(await readdir(layout.workDir), [], said);
  const vms = await host.json<{ id: string; state: string; pid: number | null }[]>(["vm", "list"]);
  for (const { state, pid } of vms) {
    assert.ok(["running", "paused", "stopped", "failed"].includes(state), `${said}: ${state}`);
    assert.equal(pid !== null, state === "running" || state === "paused", `${said}: ${state} with pid ${pid}`);
  }
  const alive = new Set(vms.flatMap(({ pid }) => (pid === null ? [] : [pid])));
  for (const pid of await host.processes()) {
    const words = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
    if (words[0]?.includes("qemu-system") === true) assert.ok(alive.has(pid), `${said}: a VMM is left, pid ${pid}`);
  }
}
