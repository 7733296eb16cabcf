import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdir, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { untilAborted } from "../../src/lib/deadline.ts";
import { isAlive } from "../../src/lib/process.ts";
import { mib } from "../../src/lib/bytes.ts";
import { machineRecordSchema } from "../../src/model/vm.ts";
import type { Driver, Machine, MachineExit, MachineSpec } from "../../src/vmm/driver.ts";
import { asPcWithInitrd, askPort, consoleShows, talk, TinyGuest } from "../helpers/tiny-guest.ts";

export interface Candidate {
  readonly name: string;
  driver(): Driver;
  /** A program that starts the machine described by its argument, prints its record, and kills itself. */
  readonly startAndDie: string;
}

const LIMIT_MS = 20_000;
const limit = (): AbortSignal => AbortSignal.timeout(LIMIT_MS);

/** What every driver must do, said once and run on each. */
export function driverConformance(candidate: Candidate): void {
  const { name, startAndDie } = candidate;
  const makeDriver = (): Driver => candidate.driver();
  describe(`driver conformance: ${name}`, { concurrency: false }, () => {
    let guest: TinyGuest;
    const driver = makeDriver();
    before(async () => void (guest = await TinyGuest.make()));
    after(() => guest[Symbol.asyncDispose]());

    const start = async (spec: MachineSpec): Promise<Machine> => guest.own(await driver.start(spec, limit()));
    const ended = (machine: Machine): Promise<MachineExit> => untilAborted(machine.exited, limit());
    /** Of the machine itself nothing is left: no process, no socket. */
    const assertGone = async (spec: MachineSpec): Promise<void> => {
      assert.deepEqual(await driver.strays(spec.id), []);
      const left = (await readdir(spec.runDir)).filter((file) => file.endsWith(".sock"));
      assert.deepEqual(left, []);
    };

    test("boots a kernel directly; disks, card and processors are as asked for", async () => {
      const work = await guest.disk("work,1.raw", mib(5));
      const plain = await guest.spec("look", { vcpus: 2 });
      const mac = "02:00:00:00:00:07";
      const spec: MachineSpec = {
        ...plain,
        disks: [...plain.disks, { id: "work", path: work, format: "raw", readOnly: true }],
        network: { mode: "user", mac, address: "10.0.2.15/24", gateway: "10.0.2.2", dns: ["10.0.2.3"] },
      };
      const machine = await start(spec);
      assert.doesNotThrow(() => machineRecordSchema.parse(machine.record));
      assert.deepEqual(await driver.strays(spec.id), [machine.record.pid]);
      await consoleShows(spec.consoleLog, /tiny: end/);
      const [, root] = await consoleShows(spec.consoleLog, /disk vda (\d+) 0 root\b/);
      assert.equal(Number(root), mib(16) / 512);
      await consoleShows(spec.consoleLog, new RegExp(`disk vdb ${mib(5) / 512} 1 work\\b`));
      await consoleShows(spec.consoleLog, new RegExp(`card ${mac}`));
      await consoleShows(spec.consoleLog, /cpus 2\b/);
      assert.deepEqual(await ended(machine), { clean: true, reason: "the guest shut down or rebooted" });
      await assertGone(spec);
    });

    test("boots an initramfs on a machine with PCI; without a network there is no card", async () => {
      const spec = asPcWithInitrd(await guest.spec("look", { vcpus: 2 }), guest);
      const machine = await start(spec);
      const exit = await ended(machine);
      const [console] = await consoleShows(spec.consoleLog, /tiny: disk vda[^]*tiny: end/);
      assert.match(console, /tiny: cpus 2/);
      assert.doesNotMatch(console, /tiny: card/);
      assert.equal(exit.clean, true);
    });

    test("carries bytes between host and guest over the agent's line", async () => {
      const spec = await guest.spec("agent");
      const machine = await start(spec);
      await consoleShows(spec.consoleLog, /port open/);
      assert.equal(await askPort(machine, "hello"), "guest says hello");
      assert.equal(await askPort(machine, "again"), "guest says again", "a second connection after the first");
      await machine.kill();
    });

    test("gives its console to who attaches, and goes on writing the log", async () => {
      const spec = await guest.spec("console");
      const machine = await start(spec);
      await consoleShows(spec.consoleLog, /listening/);
      const heard = await talk(await machine.console(limit()), "hello\n", /tiny: heard hello[^]*Restarting/);
      assert.match(heard, /tiny: end/);
      await consoleShows(spec.consoleLog, /tiny: heard hello[^]*Restarting/);
      await ended(machine);
    });

    test("pauses and resumes", async () => {
      const spec = await guest.spec("tick");
      const machine = await start(spec);
      await consoleShows(spec.consoleLog, /tick 3\b/);
      await machine.pause(limit());
      const { size } = await stat(spec.consoleLog);
      await assert.rejects(consoleShows(spec.consoleLog, /tick 100000\b/, 300));
      assert.equal((await stat(spec.consoleLog)).size, size, "a paused guest is silent");
      await machine.resume(limit());
      const ticks = await consoleShows(spec.consoleLog, /[^]*tick (\d+)\r?\n/);
      await consoleShows(spec.consoleLog, new RegExp(`tick ${Number(ticks[1]) + 3}\\b`));
      await machine.kill();
    });

    test("kills: it is gone when kill returns, even when paused, and to kill again is no error", async () => {
      const spec = await guest.spec("tick");
      const machine = await start(spec);
      await machine.pause(limit());
      await machine.kill();
      assert.equal(await isAlive(machine.record), false);
      assert.equal((await ended(machine)).clean, false);
      await machine.kill();
      await assertGone(spec);
    });

    test("presses the power button where there is one", async () => {
      const spec = asPcWithInitrd(await guest.spec("button"), guest);
      const machine = await start(spec);
      await consoleShows(spec.consoleLog, /waiting/);
      await machine.requestShutdown(limit());
      assert.deepEqual(await ended(machine), { clean: true, reason: "the guest shut down" });

      const without = await start(await guest.spec("tick"));
      if (without.record.machine === "microvm") {
        await assert.rejects(without.requestShutdown(limit()), { code: "VMM_CANNOT" });
      }
      await without.kill();
    });

    test("tells a guest's panic from its shutdown", async () => {
      const machine = await start(await guest.spec("panic"));
      const { clean, reason } = await ended(machine);
      assert.equal(clean, false);
      assert.match(reason, /kernel panicked: Attempted to kill init/);
    });

    test("notices that the VMM crashed", async () => {
      const spec = await guest.spec("tick");
      const machine = await start(spec);
      process.kill(machine.record.pid, "SIGKILL");
      const { clean, reason } = await ended(machine);
      assert.equal(clean, false);
      assert.match(reason, /SIGKILL/);
      await assert.rejects(machine.pause(limit()), { code: "VMM_FAILED" });
      await assertGone(spec);
    });

    test("what the guest has synced survives the VMM's death", async () => {
      const spec = await guest.spec("keep");
      const first = await start(spec);
      await consoleShows(spec.consoleLog, /tiny: kept/);
      process.kill(first.record.pid, "SIGKILL");
      await ended(first);
      const second = await start(spec);
      await consoleShows(spec.consoleLog, /tiny: found what was written/);
      await second.kill();
    });

    test("a machine outlives the daemon that started it, and another takes it back", async () => {
      const spec = await guest.spec("tick");
      const daemon = spawnSync(process.execPath, [startAndDie, JSON.stringify(spec)], { encoding: "utf8" });
      assert.equal(daemon.signal, "SIGKILL", daemon.stderr);
      const record = machineRecordSchema.parse(JSON.parse(daemon.stdout));
      const machine = await makeDriver().attach(record, limit());
      assert.ok(machine, "it runs");
      guest.own(machine);
      const [, tick] = await consoleShows(spec.consoleLog, /[^]*tick (\d+)\r?\n/);
      await consoleShows(spec.consoleLog, new RegExp(`tick ${Number(tick) + 3}\\b`));
      await machine.pause(limit());
      await machine.resume(limit());

      machine.release();
      const again = await makeDriver().attach(record, limit());
      assert.ok(again, "it was let go of, not ended");
      guest.own(again);
      await again.kill();
      assert.equal((await ended(again)).clean, false);
      await assertGone(spec);
      assert.equal(await makeDriver().attach(record, limit()), undefined);
    });

    test("a machine that was taken back tells its end, too", async () => {
      const spec = await guest.spec("tick");
      const started = await driver.start(spec, limit());
      started.release();
      const machine = guest.own((await makeDriver().attach(started.record, limit())) ?? started);
      assert.notEqual(machine, started);
      process.kill(machine.record.pid, "SIGKILL");
      assert.equal((await ended(machine)).clean, false);
      await assertGone(spec);
    });

    test("a stranger who got the pid is not taken for the machine", async () => {
      const spec = await guest.spec("tick");
      const machine = await start(spec);
      const record = { ...machine.record, startTicks: machine.record.startTicks - 1 };
      assert.equal(await driver.attach(record, limit()), undefined);
      await machine.kill();
    });

    test("an abort during the start leaves nothing", async () => {
      const spec = await guest.spec("tick");
      const giveUp = new AbortController();
      const starting = driver.start(spec, giveUp.signal);
      setImmediate(() => giveUp.abort());
      await assert.rejects(starting);
      await assertGone(spec);
    });

    describe("what cannot be started says why, and leaves nothing", () => {
      const refuses = async (spec: MachineSpec, code: string, said: RegExp): Promise<void> => {
        await assert.rejects(driver.start(spec, limit()), (error: Error & { code: string }) => {
          assert.equal(error.code, code, error.message);
          assert.match(error.message, said);
          return true;
        });
        assert.deepEqual(await driver.strays(spec.id), []);
      };

      test("a file that is no kernel", async () => {
        const spec = await guest.spec("look");
        const path = join(guest.folder, "no-kernel");
        await writeFile(path, "this is no kernel ".repeat(1000));
        await refuses({ ...spec, kernel: { ...spec.kernel, path } }, "VMM_FAILED", /kernel/);
        await assertGone(spec);
      });

      test("a kernel that is missing", async () => {
        const spec = await guest.spec("look");
        await refuses({ ...spec, kernel: { ...spec.kernel, path: "/nowhere/vmlinux" } }, "FILE_UNREADABLE", /nowhere/);
      });

      test("a disk that is missing", async () => {
        const spec = await guest.spec("look");
        const disks = [{ id: "root", path: "/nowhere/root", format: "raw", readOnly: false }] as const;
        await refuses({ ...spec, disks }, "FILE_UNREADABLE", /root disk/);
      });

      test("a disk of another format", async () => {
        const spec = await guest.spec("look");
        const disks = spec.disks.map((disk) => ({ ...disk, format: "qcow2" as const }));
        await refuses({ ...spec, disks }, "VMM_FAILED", /qcow2/);
      });

      test("a disk that another machine writes to", async () => {
        const spec = await guest.spec("tick");
        const machine = await start(spec);
        const second = await guest.spec("tick", { disks: spec.disks });
        await refuses(second, "VMM_FAILED", /lock/);
        await machine.kill();
      });

      test("a socket path that is too long", async () => {
        const spec = await guest.spec("look");
        const runDir = join(spec.runDir, "d".repeat(100));
        await refuses({ ...spec, runDir }, "PATH_TOO_LONG", /too long/);
      });

      test("a command line that is too long", async () => {
        const spec = await guest.spec("look");
        const commandLine = [...spec.kernel.commandLine, "x".repeat(2048)];
        await refuses({ ...spec, kernel: { ...spec.kernel, commandLine } }, "VM_SPEC_INVALID", /too long/);
      });

      test("a socket in the way whose owner lives; one whose owner is dead is removed", async () => {
        const spec = await guest.spec("tick");
        const machine = await start(spec);
        const sockets = (await readdir(spec.runDir)).filter((file) => file.endsWith(".sock"));
        await machine.kill();
        const [path] = sockets.map((file) => join(spec.runDir, file));
        assert.ok(path);
        const owner = createServer().listen(path);
        await once(owner, "listening");
        await refuses(spec, "VMM_FAILED", /in the way/);
        owner.close();
        await once(owner, "close");

        // A machine that is killed by force cannot tidy up.
        const crashed = spawnSync(process.execPath, ["-e", dieListening(path)]);
        assert.equal(crashed.signal, "SIGKILL");
        assert.ok((await stat(path)).isSocket());
        const next = await start(spec);
        await next.kill();
      });

      test("a file in the way is not removed", async () => {
        const spec = await guest.spec("look");
        const probe = await start(spec);
        const name = (await readdir(spec.runDir)).find((file) => file.endsWith(".sock")) ?? "";
        await probe.kill();
        const path = join(spec.runDir, name);
        await writeFile(path, "precious");
        await refuses(spec, "VMM_FAILED", /in the way/);
        assert.ok((await stat(path)).isFile());
        await rm(path);
      });
    });
  });
}

function dieListening(path: string): string {
  const then = `() => process.kill(process.pid, "SIGKILL")`;
  return `require("node:net").createServer().listen(${JSON.stringify(path)}, ${then})`;
}
