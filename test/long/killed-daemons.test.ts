import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { DATABASE_FAULTS, restoreDatabase, saveDatabase } from "../helpers/database-faults.ts";
import { hashTree } from "../helpers/made-up-state.ts";
import { layoutFrom } from "../../src/model/layout.ts";
import { seededNumbers } from "../helpers/seeded-numbers.ts";
import { busyboxImage } from "../helpers/test-images.ts";
import { TestHost } from "../helpers/test-host.ts";

const KILLS = Number(process.env["BANGER_KILLS"] ?? 100);
/** Ends sooner where that is asked for; how many kills there were is said at the end. */
const MINUTES = Number(process.env["BANGER_KILL_MINUTES"] ?? Infinity);
const SEED = Number(process.env["BANGER_FAULT_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** What the guest of the running VM writes to its disk changes all the time. */
const RUNNING = "runner";

interface Verb {
  readonly argv: readonly string[];
  /** What must be there for it, as noun and name; and what must not. */
  readonly needs?: string;
  readonly makes?: string;
}

/**
 * Every verb that changes something, on things of its own: what is kept (the image, the kernel, the VMs `kept-…` and the one
 * that runs) must never change.
 */
const VERBS: readonly Verb[] = [
  { argv: ["vm", "list"] },
  { argv: ["image", "list"] },
  {
    argv: ["vm", "create", "--name", "passing", "--image", "busybox", "--no-start", "--memory", "128M"],
    makes: "vm passing",
  },
  {
    argv: ["vm", "create", "--name", "passing-work", "--image", "busybox", "--no-start", "--work-disk", "16M"],
    makes: "vm passing-work",
  },
  { argv: ["vm", "resize", "passing", "--disk-size", "64M"], needs: "vm passing" },
  { argv: ["vm", "rebase", "passing", "--image", "copy"], needs: "vm passing" },
  { argv: ["vm", "start", "passing"], needs: "vm passing" },
  { argv: ["vm", "stop", "passing", "--force"], needs: "vm passing" },
  { argv: ["vm", "delete", "passing", "--force"], needs: "vm passing" },
  { argv: ["vm", "delete", "passing-work"], needs: "vm passing-work" },
  {
    argv: ["image", "register", "copy", "--rootfs", "copy.ext4", "--kernel-ref", "debian-cloud"],
    makes: "image copy",
  },
  { argv: ["image", "promote", "copy"], needs: "image copy" },
  { argv: ["image", "export", "busybox", "oci-archive:exported.tar"] },
  { argv: ["image", "delete", "copy"], needs: "image copy" },
  { argv: ["kernel", "delete", "imported"], needs: "kernel imported" },
  { argv: ["kernel", "import", "imported", "--vmlinux", "vmlinuz"], makes: "kernel imported" },
  { argv: ["vm", "exec", RUNNING, "--", "true"] },
];

test(
  `${KILLS} kills over every verb and odd databases lose no byte (seed ${SEED})`,
  { timeout: 55 * 60_000 },
  async (t) => {
    await using host = await TestHost.start();
    await using image = await busyboxImage();
    const next = seededNumbers(SEED);
    const layout = layoutFrom(host.env);
    await host.ok(["kernel", "pull", "debian-cloud"]);
    await host.ok(["image", "pull", image.reference, "--name", "busybox"]);
    for (const name of ["kept-1", "kept-2"])
      await host.ok(["vm", "create", "--name", name, "--image", "busybox", "--no-start", "--work-disk", "16M"]);
    await host.ok(["vm", "create", "--name", RUNNING, "--image", "busybox", "--memory", "128M"]);
    const { id: runnerId, pid } = await host.json<{ id: string; pid: number }>(["vm", "inspect", RUNNING]);
    const rootfs = await host.json<{ rootfs: { path: string } }>(["image", "inspect", "busybox"]);
    await host.run("cp", [rootfs.rootfs.path, join(host.folder, "copy.ext4")]);
    const kernel = await host.json<{ id: string; files: { image: { path: string } } }>([
      "kernel",
      "inspect",
      "debian-cloud",
    ]);
    await host.run("cp", [join(layout.kernelsDir, kernel.id, kernel.files.image.path), join(host.folder, "vmlinuz")]);

    const kept = (path: string): boolean => !path.startsWith(`vms/${runnerId}/`);
    const before = new Map([...(await hashTree(layout.dataDir))].filter(([path]) => kept(path)));
    const unharmed = async (said: string): Promise<void> => {
      const now = await hashTree(layout.dataDir);
      for (const [path, hash] of before) assert.equal(now.get(path), hash, `${said}: ${path}`);
      process.kill(pid, 0);
    };
    const faults = Object.entries(DATABASE_FAULTS);
    const pick = <T>(of: readonly T[]): T | undefined => of[Math.floor(next() * of.length)];
    const good = join(host.folder, "good.db");
    const former = join(host.folder, "former.db");
    await host.ok(["daemon", "stop"]);
    await saveDatabase(layout, former);

    const until = performance.now() + MINUTES * 60_000;
    let kills = 0;
    for (let kill = 0; kill < KILLS && performance.now() < until; kill += 1) {
      const there = await objects(host);
      const isOf = ({ needs, makes }: Verb): boolean =>
        (needs === undefined || there.has(needs)) && (makes === undefined || !there.has(makes));
      const verb = pick(VERBS.filter(isOf))?.argv ?? [];
      const delayMs = Math.floor(next() ** 2 * 6000);
      const asked = host.banger(verb, { timeoutMs: 120_000 });
      await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, delayMs))]);
      const killed = await killDaemon(host);
      const { code } = await asked;
      const [name = "", inflict] = (next() < 0.5 ? pick(faults) : undefined) ?? [];
      const said = `kill ${kill}: ${verb.join(" ")}, ${killed ? "killed" : "no daemon"} after ${delayMs} ms, ended with ${code}; database: ${name}`;
      process.stdout.write(`${said}\n`);
      if (killed) kills += 1;
      await unharmed(said);
      if (inflict !== undefined) {
        await killDaemon(host);
        await saveDatabase(layout, good);
        await inflict(layout, former, next);
        await host.banger(["vm", "list"], { timeoutMs: 120_000 });
        await killDaemon(host);
        await unharmed(said);
        // A damaged row is shown as broken, and nothing is rebuilt for it.
        if (next() < 0.5 || name === "flipped bytes") await restoreDatabase(layout, good);
        // What ran meanwhile may have changed something, so that the good one is of former days.
        if ((await host.banger(["vm", "list"])).code !== 0) await host.ok(["daemon", "recover"]);
      }
      const vms = await host.json<{ name: string; state: string }[]>(["vm", "list"]);
      const states = new Map(vms.map((vm) => [vm.name, vm.state]));
      assert.equal(states.get(RUNNING), "running", said);
      for (const vm of ["kept-1", "kept-2"]) assert.equal(states.get(vm), "stopped", said);
      await unharmed(said);
    }
    assert.equal((await host.ok(["vm", "exec", RUNNING, "--", "sh", "-c", "echo alive"])).trim(), "alive");
    t.diagnostic(`${kills} daemons were killed`);
  },
);

/** Names of all that there is, with their nouns. */
async function objects(host: TestHost): Promise<ReadonlySet<string>> {
  const nouns = ["vm", "image", "kernel"];
  const lists = await Promise.all(nouns.map((noun) => host.json<{ name: string }[]>([noun, "list"])));
  return new Set(nouns.flatMap((noun, n) => (lists[n] ?? []).map(({ name }) => `${noun} ${name}`)));
}

/** Kills the daemon, and nothing else, as if its power had failed. @returns whether there was one. */
async function killDaemon(host: TestHost): Promise<boolean> {
  const status = await host.banger(["daemon", "status", "--json"]);
  if (status.code !== 0) return false;
  const { pid } = JSON.parse(status.stdout.toString()) as { readonly pid: number };
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    return false;
  }
  return true;
}
