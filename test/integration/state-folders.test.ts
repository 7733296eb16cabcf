import assert from "node:assert/strict";
import { copyFile, mkdir, readdir, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { DatabaseSync } from "node:sqlite";
import { suite, test } from "node:test";
import { isPrivate, madeUpState, type MadeUpState } from "../helpers/made-up-state.ts";
import { guestName } from "../../src/vmm/qemu/machine-plan.ts";
import { TestHost } from "../helpers/test-host.ts";

interface Row {
  readonly id: string;
  readonly name: string;
  readonly state: string;
}

interface Orphan {
  readonly name: string;
  readonly kind: string;
  readonly about: string;
}

const BOXES = ["box-0", "box-1"];

async function names(host: TestHost, noun: string): Promise<readonly string[]> {
  return (await host.json<Row[]>([noun, "list"])).map(({ name }) => name).toSorted();
}

/** A home whose daemon has taken up a state of the banger before, and has ended. */
async function settled(host: TestHost): Promise<MadeUpState> {
  const state = await madeUpState(host.env);
  assert.deepEqual(await names(host, "vm"), BOXES);
  await host.ok(["daemon", "stop"]);
  return state;
}

/** A process that bears a VM's id as its VMM does, and works in its folder. */
function standInVmm(vmId: string, cwd: string) {
  const words = ["-e", "setInterval(() => {}, 1000)", "--", "-name", `${guestName(vmId)},debug-threads=on`];
  const child = spawn(process.execPath, words, { cwd, stdio: "ignore" });
  return {
    lives: () => child.exitCode === null && child.signalCode === null,
    ended: once(child, "exit"),
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}

async function refused(host: TestHost, code: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { code: exit, stderr } = await host.banger(["vm", "list"], { env });
  assert.notEqual(exit, 0, "a state that is not this data's must not be taken up");
  assert.match(stderr, new RegExp(code));
  return stderr;
}

suite("files of a user", { timeout: 300_000 }, () => {
  test("survive a state folder that is not theirs, which is refused", async () => {
    await using host = await TestHost.start();
    const state = await settled(host);
    const before = await state.hashes();
    using vmm = standInVmm(state.vmIds[0], join(state.layout.vmsDir, state.vmIds[0]));
    const elsewhere = { XDG_STATE_HOME: join(host.folder, "other") };
    const said = await refused(host, "STATE_MISMATCH", elsewhere);
    assert.match(
      said,
      /2 VMs, 1 image, 1 kernel.*there is no database[\s\S]*XDG_STATE_HOME[\s\S]*banger daemon recover/,
    );
    assert.deepEqual(await state.hashes(), before);
    assert.ok(vmm.lives(), "a VMM was killed since the database did not know it");

    const doctor = await host.banger(["doctor", "--json"], { env: elsewhere });
    const { checks } = JSON.parse(doctor.stdout.toString()) as { checks: { name: string; result: string }[] };
    assert.equal(checks.find(({ name }) => name === "state")?.result, "fail");
    const started = await host.banger(["daemon", "start"], { env: elsewhere });
    assert.match(started.stderr, /STATE_MISMATCH/);
    await host.banger(["daemon", "stop"], { env: elsewhere });

    // A state of its own for another data folder, then this data by mistake.
    const apart = { ...elsewhere, XDG_DATA_HOME: join(host.folder, "other-data") };
    await rm(join(host.folder, "other"), { recursive: true });
    await host.ok(["vm", "list"], { env: apart });
    await host.ok(["daemon", "stop"], { env: apart });
    assert.match(await refused(host, "STATE_MISMATCH", elsewhere), /are not of one instance/);
    assert.deepEqual(await state.hashes(), before);
    assert.deepEqual(await names(host, "vm"), BOXES);
  });

  const damages: Readonly<Record<string, (path: string, host: TestHost) => Promise<void>>> = {
    deleted: (path) => rm(path),
    "truncated to nothing": (path) => truncate(path, 0),
    "cut off": (path) => truncate(path, 6000),
    garbage: (path) => writeFile(path, "this is no database, however long it may be".repeat(1000)),
    "a folder": async (path) => {
      await rm(path);
      await mkdir(path);
    },
    "a FIFO": async (path, host) => {
      await rm(path);
      await host.run("mkfifo", [path]);
    },
    "a link to nowhere": async (path) => {
      await rm(path);
      await symlink("/nowhere/at/all", path);
    },
    "of a newer banger": async (path) => {
      using database = new DatabaseSync(path);
      database.exec("PRAGMA user_version = 99");
    },
    "another program's": async (path) => {
      await rm(path);
      using database = new DatabaseSync(path);
      database.exec("CREATE TABLE recipes (name TEXT)");
    },
    "another banger's": async (path) => {
      await using other = await TestHost.start();
      const state = await settled(other);
      await copyFile(state.layout.database, path);
    },
  };
  for (const [damage, inflict] of Object.entries(damages)) {
    test(`survive a database that is ${damage}, and make a new one`, async () => {
      await using host = await TestHost.start();
      const state = await settled(host);
      const before = await state.hashes();
      const { database, stateDir } = state.layout;
      for (const end of ["-wal", "-shm"]) await rm(`${database}${end}`, { force: true });
      await inflict(database, host);
      assert.match(await refused(host, "STATE_(?:MISMATCH|CORRUPT)"), /banger daemon recover/);
      assert.deepEqual(await state.hashes(), before);
      const said = await host.ok(["daemon", "recover"]);
      assert.match(said, /VMs: 2, images: 1, kernels: 1/);
      assert.deepEqual(await state.hashes(), before);
      for (const [noun, expected] of [
        ["vm", BOXES],
        ["image", ["debian"]],
        ["kernel", ["k"]],
      ] as const)
        assert.deepEqual(await names(host, noun), expected);
      const kept = (await readdir(stateDir)).filter((name) =>
        /^banger\.db\.kept-[^.]*$/.test(name.replace(/-wal$|-shm$/, "")),
      );
      assert.equal(kept.length > 0, damage !== "deleted" && damage !== "a link to nowhere", kept.join(", "));
      assert.match((await host.banger(["daemon", "recover"])).stderr, /nothing to recover/);
    });
  }

  test("survive a database of former days, however whole it is", async () => {
    await using host = await TestHost.start();
    const state = await settled(host);
    const { database } = state.layout;
    await copyFile(database, `${database}.former`);
    await host.ok(["vm", "delete", "box-0"]);
    await host.ok(["vm", "resize", "box-1", "--disk-size", "1M"]);
    await host.ok(["daemon", "stop"]);
    const before = await state.hashes();
    await rename(`${database}.former`, database);
    assert.match(await refused(host, "STATE_MISMATCH"), /copy of former days/);
    assert.match(await host.ok(["daemon", "recover"]), /VMs: 1,/);
    assert.deepEqual(await names(host, "vm"), ["box-1"]);
    assert.deepEqual(await state.hashes(), before);
  });

  test("are a state's own: no second daemon has them, and nobody else may read the state", async () => {
    await using host = await TestHost.start();
    const state = await settled(host);
    assert.deepEqual(await names(host, "vm"), BOXES);
    const { database, dataDir, stateDir, runDir } = state.layout;
    for (const path of [database, `${database}-wal`, `${database}-shm`]) assert.ok(await isPrivate(path), path);
    for (const folder of [dataDir, stateDir, runDir]) assert.ok(await isPrivate(join(folder, "instance-id")), folder);
    const elsewhere = {
      XDG_STATE_HOME: join(host.folder, "other"),
      XDG_RUNTIME_DIR: join(host.folder, "run"),
    };
    await mkdir(elsewhere.XDG_RUNTIME_DIR, { mode: 0o700 });
    assert.match(await refused(host, "DAEMON_ALREADY_RUNNING", elsewhere), /another daemon has the data folder/);
    await host.banger(["daemon", "stop"], { env: elsewhere });
  });

  test("that nobody knows stay, are listed, and go when that is asked for", async () => {
    await using host = await TestHost.start();
    const state = await settled(host);
    const { workDir, vmsDir, imagesDir } = state.layout;
    const mine = [join(workDir, "thesis.txt"), join(vmsDir, "vm-0123456789abcdef"), join(imagesDir, "notes")] as const;
    await mkdir(workDir, { recursive: true });
    await writeFile(mine[0], "ten years of work");
    await mkdir(mine[1]);
    await writeFile(join(mine[1], "root"), "a disk");
    await writeFile(mine[2], "what I must not forget");
    await host.run("mkfifo", [join(state.layout.kernelsDir, "pipe")]);
    const before = await state.hashes();
    assert.deepEqual(await names(host, "vm"), BOXES);
    assert.deepEqual(await state.hashes(), before);
    const orphans = await host.json<Orphan[]>(["system", "orphans"]);
    const all = ["images/notes", "kernels/pipe", "vms/vm-0123456789abcdef", "work/thesis.txt"];
    assert.deepEqual(orphans.map(({ name }) => name).toSorted(), all);
    assert.match(await host.ok(["system", "orphans"]), /vms\/vm-0123456789abcdef +[\d.]+ \w+ .*without a description/);
    const doctor = await host.banger(["doctor"]);
    assert.match(doctor.stdout.toString(), /banger system orphans/);
    for (const words of [["--delete"], ["work/thesis.txt"], ["--delete", "--all", "images/notes"]])
      assert.equal((await host.banger(["system", "orphans", ...words])).code, 2);
    assert.equal((await host.banger(["system", "orphans", "--delete", `vms/${state.vmIds[0]}`])).code, 3);
    using vmm = standInVmm("vm-0123456789abcdef", mine[1]);
    const alive = await host.banger(["system", "orphans", "--delete", "vms/vm-0123456789abcdef"]);
    assert.match(alive.stderr, /VM_WRONG_STATE[\s\S]*its VMM is pid \d+[\s\S]*--force/);
    assert.ok(vmm.lives());
    await host.ok(["system", "orphans", "--delete", "--force", "vms/vm-0123456789abcdef"]);
    await vmm.ended;
    assert.deepEqual(
      await host.json<Orphan[]>(["system", "orphans"]).then((left) => left.map(({ name }) => name).toSorted()),
      ["images/notes", "kernels/pipe", "work/thesis.txt"],
    );
    await host.ok(["system", "orphans", "--delete", "--all"]);
    assert.deepEqual(await host.json(["system", "orphans"]), []);
    for (const [path] of before)
      if (path.startsWith("vms/") && !path.includes("0123456789")) assert.ok((await state.hashes()).has(path));
  });

  test("survive what was begun by a banger that knows more, and so does its intent", async () => {
    await using host = await TestHost.start();
    const state = await settled(host);
    const { database, workDir } = state.layout;
    const [vmId] = state.vmIds;
    {
      using db = new DatabaseSync(database);
      const insert = db.prepare("INSERT INTO intents (id, kind, subject, startedAt) VALUES (?, ?, ?, ?)");
      insert.run("int-1", "vm.teleport", vmId, new Date().toISOString());
      insert.run("int-2", "snapshot.add", "snp-0123456789abcdef", new Date().toISOString());
      insert.run("int-3", "work", "../../..", new Date().toISOString());
      insert.run("int-4", "work", "pack-0123456789abcdef", new Date().toISOString());
    }
    for (const name of ["snp-0123456789abcdef", "pack-0123456789abcdef", "pack-0123456789abcdef.part"]) {
      await mkdir(join(workDir, name), { recursive: true });
      await writeFile(join(workDir, name, "layer"), name);
    }
    const before = await state.hashes();
    assert.deepEqual(await names(host, "vm"), BOXES);
    const { recovered } = await host.json<{ recovered: string[] }>(["daemon", "status"]);
    assert.match(recovered.join("\n"), /another banger began "vm\.teleport"/);
    assert.deepEqual(await host.json(["system", "orphans"]), [], "what an intent names is no orphan");
    await host.ok(["daemon", "stop"]);
    using db = new DatabaseSync(database);
    const left = db.prepare("SELECT id FROM intents ORDER BY id").all();
    assert.deepEqual(
      left.map(({ id }) => id),
      ["int-1", "int-2", "int-3"],
    );
    const after = await state.hashes();
    const gone = [...before.keys()].filter((path) => !after.has(path));
    assert.deepEqual(gone.toSorted(), ["work/pack-0123456789abcdef.part/layer", "work/pack-0123456789abcdef/layer"]);
  });
});
