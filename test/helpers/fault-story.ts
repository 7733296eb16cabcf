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
  /** Whether what it does is done, as its user sees it. */
  readonly isDone: (host: TestHost) => Promise<boolean>;
  readonly undo: readonly (readonly string[])[];
  /** Done before each attempt, outside of banger. */
  readonly before?: (host: TestHost) => Promise<void>;
}

const has =
  (noun: string, name: string) =>
  async (host: TestHost): Promise<boolean> =>
    (await host.json<{ name: string }[]>([noun, "list"])).some((one) => one.name === name);
const lacks = (noun: string, name: string) => async (host: TestHost) => !(await has(noun, name)(host));
const vm =
  (name: string, is: (vm: { state: string; image: { name: string }; spec: { diskSizeBytes?: number } }) => boolean) =>
  async (host: TestHost) =>
    is(await host.json(["vm", "inspect", name]));

/** Verbs on kernels, images and VMs that need no running guest. */
export const VERBS_AT_REST: readonly StoryVerb[] = [
  {
    argv: ["kernel", "import", "spare", "--vmlinux", "vmlinux"],
    isDone: has("kernel", "spare"),
    undo: [["kernel", "delete", "spare"]],
  },
  {
    argv: ["kernel", "delete", "spare"],
    isDone: lacks("kernel", "spare"),
    undo: [["kernel", "import", "spare", "--vmlinux", "vmlinux"]],
  },
  {
    argv: ["image", "pull", "oci:layout:latest", "--name", "again", "--kernel-ref", "generic"],
    isDone: has("image", "again"),
    undo: [["image", "delete", "again"]],
  },
  {
    argv: ["image", "delete", "again"],
    isDone: lacks("image", "again"),
    undo: [["image", "pull", "oci:layout:latest", "--name", "again", "--kernel-ref", "generic"]],
  },
  {
    argv: ["image", "register", "own", "--rootfs", "copy.ext4", "--kernel", "vmlinux"],
    isDone: has("image", "own"),
    undo: [["image", "delete", "own"]],
  },
  {
    argv: ["vm", "create", "--name", "leaning", "--image", "own", "--no-start", "--disk-strategy", "qcow2"],
    isDone: has("vm", "leaning"),
    undo: [["vm", "delete", "leaning"]],
  },
  {
    argv: ["vm", "resize", "leaning", "--disk-size", "9G"],
    isDone: vm("leaning", ({ spec }) => spec.diskSizeBytes === 9 * 1024 ** 3),
    undo: [
      ["vm", "delete", "leaning"],
      ["vm", "create", "--name", "leaning", "--image", "own", "--no-start", "--disk-strategy", "qcow2"],
    ],
  },
  {
    argv: ["image", "promote", "own"],
    isDone: async (host) => (await host.json<{ managed: boolean }>(["image", "inspect", "own"])).managed,
    undo: [
      ["vm", "delete", "leaning"],
      ["image", "delete", "own"],
      ["image", "register", "own", "--rootfs", "copy.ext4", "--kernel", "vmlinux"],
      ["vm", "create", "--name", "leaning", "--image", "own", "--no-start", "--disk-strategy", "qcow2"],
    ],
  },
  {
    argv: ["vm", "rebase", "leaning", "--image", "bb"],
    isDone: vm("leaning", ({ image }) => image.name === "bb"),
    undo: [["vm", "rebase", "leaning", "--image", "own"]],
  },
  {
    argv: ["vm", "delete", "leaning"],
    isDone: lacks("vm", "leaning"),
    undo: [["vm", "create", "--name", "leaning", "--image", "bb", "--no-start"]],
  },
];

/** Verbs that boot a guest, or find one. */
export const VERBS_WHILE_RUNNING: readonly StoryVerb[] = [
  {
    argv: ["vm", "create", "--name", "box", "--image", "bb", "--memory", "128M"],
    isDone: has("vm", "box"),
    undo: [["vm", "delete", "box", "--force"]],
  },
  {
    argv: ["vm", "pause", "box"],
    isDone: vm("box", ({ state }) => state === "paused"),
    undo: [["vm", "resume", "box"]],
  },
  {
    argv: ["vm", "resume", "box"],
    isDone: vm("box", ({ state }) => state === "running"),
    undo: [["vm", "pause", "box"]],
  },
  {
    argv: ["vm", "start", "box", "--time-zone", "UTC"],
    isDone: () => Promise.resolve(true),
    undo: [],
  },
  {
    argv: ["vm", "stop", "box", "--force"],
    isDone: vm("box", ({ state }) => state === "stopped"),
    undo: [["vm", "start", "box"]],
  },
  {
    argv: ["vm", "start", "box"],
    isDone: vm("box", ({ state }) => state === "running"),
    undo: [["vm", "stop", "box", "--force"]],
  },
  {
    argv: ["vm", "delete", "box", "--force"],
    isDone: lacks("vm", "box"),
    undo: [["vm", "create", "--name", "box", "--image", "bb", "--memory", "128M"]],
  },
];

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
  await copyFile(rootfs.path, join(host.folder, "copy.ext4"));
  const visited = new Set<string>();
  let kills = 0;
  for (const verb of verbs) {
    for (const point of await pointsOf(host, verb)) {
      await verb.before?.(host);
      await dieAt(host, verb, point);
      visited.add(point);
      kills += 1;
      await inOrder(host, `${verb.argv.join(" ")}, dead at ${point}`);
      const isDone = await verb.isDone(host);
      tell(`${verb.argv.slice(0, 2).join(" ")}: ${point}: ${isDone ? "done" : "undone"}`);
      if (isDone) for (const argv of verb.undo) await host.ok(argv);
    }
    await host.ok(verb.argv);
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
  await host.ok(["vm", "list"], { env: { BANGER_FAULT_VISITS: visits } });
  // The start of a daemon passes some, too.
  await rm(visits, { force: true });
  await host.ok(verb.argv);
  await host.ok(["daemon", "stop"]);
  const points = new Set((await readFile(visits, "utf8").catch(() => "")).split("\n").filter((line) => line !== ""));
  for (const argv of verb.undo) await host.ok(argv);
  return [...points];
}

async function dieAt(host: TestHost, verb: StoryVerb, point: string): Promise<void> {
  await host.banger(["daemon", "stop"]);
  await host.ok(["daemon", "start"], { env: { BANGER_FAULT: `${point}=kill` } });
  const pid = await host.daemonPid();
  await host.banger(verb.argv);
  for (const until = performance.now() + 10_000; await lives(pid); await after(20)) {
    assert.ok(performance.now() < until, `the daemon outlived ${point} of ${verb.argv.join(" ")}`);
  }
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
