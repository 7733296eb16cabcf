import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtempDisposable, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { promisify } from "node:util";
import type { EndpointName } from "../../src/api/endpoints.ts";
import { createClient, type Client } from "../../src/client/client.ts";
import { layoutFrom } from "../../src/model/layout.ts";
import { checkOrder } from "./fault-order.ts";
import { TestHost } from "./test-host.ts";
import { busyboxImage } from "./test-images.ts";
import { genericKernel } from "./tiny-guest.ts";

const exec = promisify(execFile);

/** How long a verb's place may be waited for after its command has ended: some are passed by what it set going. */
const REACH_MS = 30_000;

/** A verb as its user types it, and how what it did is taken back, so that it can be done again. */
export interface StoryVerb {
  /** The routes by which it changes something. */
  readonly does: readonly EndpointName[];
  readonly argv: readonly string[];
  /** How it is done, where that is more than to run it and see it succeed. */
  readonly run?: (host: TestHost) => Promise<void>;
  /** The points that this is told for; the others that it passes are those of another verb. All unless told. */
  readonly only?: readonly string[];
  /** Told for some points, it still finds what the verbs before it have left; others like it stand alone. */
  readonly inOrder?: true;
  /** Of the daemon that does it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether what it does is done, as its user sees it. */
  readonly isDone: (host: TestHost) => Promise<boolean>;
  readonly undo: readonly (readonly string[])[];
  /** Done before each attempt, outside of banger. */
  readonly before?: (host: TestHost) => Promise<void>;
  /** Done after each, before anybody looks. */
  readonly after?: (host: TestHost) => Promise<void>;
  /** What is typed once all has been told of it. */
  readonly end?: readonly (readonly string[])[];
}

export interface Story {
  /** Points that a verb died at. */
  readonly visited: ReadonlySet<string>;
  readonly kills: number;
}

/** Where a story is told: a host with a kernel, an image, and files by which the next daemon hears where it is to die. */
interface Scene {
  readonly host: TestHost;
  /** Says where; see src/core/faults.ts. */
  readonly fault: string;
  readonly visits: string;
}

/** What the host's daemon is asked directly: a command takes longer to start than most answers take. */
export function askDaemon(host: TestHost): Client {
  const startDaemon = async (): Promise<undefined> => void (await host.ok(["daemon", "start"]));
  return createClient({ socketPath: layoutFrom(host.env).socket, startDaemon });
}

/**
 * Goes through verbs; lets the daemon die by SIGKILL at each point that each of them passes, and looks each time whether the
 * next daemon has put all in order and the verb can be done again.
 *
 * @param wanted of the verbs whose words do not match, those that others build on are done once, and no more.
 */
export async function tellFaultStory(
  verbs: readonly StoryVerb[],
  tell: (line: string) => void,
  wanted = /(?:)/,
): Promise<Story> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "banger-faults-"));
  const [fault, visits] = [join(folder.path, "fault"), join(folder.path, "visits")];
  await using host = await TestHost.start({ BANGER_FAULT: fault, BANGER_FAULT_VISITS: visits });
  await furnish(host);
  const scene: Scene = { host, fault, visits };
  const visited = new Set<string>();
  let kills = 0;
  const isWanted = ({ argv }: StoryVerb): boolean => wanted.test(argv.join(" "));
  const lastInOrder = verbs.findLastIndex((verb) => isInOrder(verb) && isWanted(verb));
  for (const [i, verb] of verbs.entries()) {
    const title = verb.argv.join(" ");
    const isTold = isWanted(verb);
    if (!isTold && (verb.only !== undefined || i > lastInOrder)) continue;
    const points = !isTold ? [] : (verb.only ?? (await pointsOf(scene, verb)));
    for (const point of points) {
      const began = performance.now();
      await dieAt(scene, verb, point);
      visited.add(point);
      kills += 1;
      await ensureDaemon(host);
      await checkOrder(host, askDaemon(host), `${title}, dead at ${point}`);
      const isDone = await verb.isDone(host);
      if (isDone) for (const argv of verb.undo) await host.ok(argv);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      tell(`${verb.argv.slice(0, 3).join(" ")}: ${point}: ${isDone ? "done" : "undone"}, ${seconds} s`);
    }
    await attempt(scene, verb);
    if (isTold && points.length === 0) tell(`${verb.argv.slice(0, 3).join(" ")}: passes no point`);
    for (const argv of verb.end ?? []) await host.ok(argv);
  }
  return { visited, kills };
}

/** Whether it builds on the verbs before it. */
function isInOrder({ only, inOrder }: StoryVerb): boolean {
  return only === undefined || inOrder === true;
}

/** What all verbs find: a kernel, an image, and a small root file system that is their user's own. */
async function furnish(host: TestHost): Promise<void> {
  await using image = await busyboxImage();
  await copyFile(genericKernel(), join(host.folder, "vmlinux"));
  await exec("cp", ["-r", image.folder, join(host.folder, "layout")]);
  await host.ok(["kernel", "import", "generic", "--vmlinux", "vmlinux"]);
  await host.ok(["image", "pull", "oci:layout:latest", "--name", "bb", "--kernel-ref", "generic"]);
  const { rootfs } = await askDaemon(host).call("imageInspect", { ref: "bb" });
  // Sparse, and small: each copy of it is hashed whole.
  const copy = join(host.folder, "copy.ext4");
  await exec("cp", ["--sparse=always", rootfs.path, copy]);
  await exec("resize2fs", [copy, "128M"]);
}

/** The points that a verb passes when nothing goes wrong. What it did is undone again. */
async function pointsOf(scene: Scene, verb: StoryVerb): Promise<readonly string[]> {
  await attempt(scene, verb);
  const passed = await visitsSoFar(scene);
  for (const argv of verb.undo) await scene.host.ok(argv);
  return [...new Set(passed)];
}

/** Does a verb to its end. */
async function attempt(scene: Scene, verb: StoryVerb): Promise<void> {
  const { host } = scene;
  await prepare(scene, verb);
  await perform(host, verb);
  await verb.after?.(host);
  // The next daemon has this banger's own environment again.
  if (verb.env !== undefined) await host.ok(["daemon", "stop"]);
  await ensureDaemon(host);
}

async function dieAt(scene: Scene, verb: StoryVerb, point: string): Promise<void> {
  const { host } = scene;
  await prepare(scene, verb);
  const { pid } = await askDaemon(host).call("daemonStatus", {});
  await writeFile(scene.fault, `${point}=kill`);
  try {
    // It fails, as a daemon that dies under it lets it.
    await perform(host, verb).catch(() => {});
    await untilDead(scene, pid, `${verb.argv.join(" ")}, which is to die at ${point}`);
  } finally {
    await rm(scene.fault);
  }
  await verb.after?.(host);
}

/** Has a daemon that is at rest, and that nothing was asked of since it began to note where it comes by. */
async function prepare({ host, visits }: Scene, verb: StoryVerb): Promise<void> {
  await ensureDaemon(host);
  await verb.before?.(host);
  if (verb.env !== undefined) await host.ok(["daemon", "stop"]);
  await ensureDaemon(host, verb.env);
  await writeFile(visits, "");
}

async function perform(host: TestHost, verb: StoryVerb): Promise<void> {
  if (verb.run === undefined) await host.ok(verb.argv);
  else await verb.run(host);
}

async function ensureDaemon(host: TestHost, env: Readonly<Record<string, string>> = {}): Promise<void> {
  if ((await pidOfDaemon(host)) === undefined) await host.ok(["daemon", "start"], { env });
}

/** Of the daemon that answers, if there is one: none is started for it. */
async function pidOfDaemon(host: TestHost): Promise<number | undefined> {
  const client = createClient({ socketPath: layoutFrom(host.env).socket });
  return client.call("daemonStatus", {}).then(
    ({ pid }) => pid,
    () => undefined,
  );
}

/** Waits until a daemon has come by where it is to die, and none that did so answers. */
async function untilDead(scene: Scene, pid: number, said: string): Promise<void> {
  const point = (await readFile(scene.fault, "utf8")).split("=")[0] ?? "";
  for (const until = performance.now() + REACH_MS; ; await after(20)) {
    const visits = await visitsSoFar(scene);
    if (visits.includes(point) && (await pidOfDaemon(scene.host)) !== pid) return;
    assert.ok(performance.now() < until, `${said}: the daemon lives; it came by ${visits.join(", ") || "nothing"}`);
  }
}

async function visitsSoFar({ visits }: Scene): Promise<readonly string[]> {
  return (await readFile(visits, "utf8")).split("\n").filter((line) => line !== "");
}
