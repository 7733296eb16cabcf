import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFile, mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after as afterAll, before, describe, test } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { untilAborted } from "../../src/lib/deadline.ts";
import { isAlive } from "../../src/lib/process-identity.ts";
import { mib } from "../../src/lib/bytes.ts";
import { machineRecordSchema } from "../../src/model/vm.ts";
import type { Driver, Machine, MachineExit, MachineSpec } from "../../src/vmm/driver.ts";
import { asPc, askPort, consoleShows, talk, TinyGuest, withInitrd } from "../helpers/tiny-guest.ts";
import { type Candidate, limit } from "./driver-candidate.ts";
import { driverRefusals } from "./driver-refusals.ts";

const START_AND_DIE = join(import.meta.dirname, "../helpers/start-and-die.ts");

/** What every driver must do, said once and run on each. */
export function driverConformance(candidate: Candidate): void {
  const makeDriver = (): Driver => candidate.driver();
  describe(`driver conformance: ${candidate.name}`, { concurrency: false, skip: candidate.skip ?? false }, () => {
    let guest: TinyGuest;
    const driver = makeDriver();
    before(async () => void (guest = await TinyGuest.make()));
    afterAll(() => guest[Symbol.asyncDispose]());

    const start = async (spec: MachineSpec): Promise<Machine> => guest.own(await driver.start(spec, limit()));
    const ended = (machine: Machine): Promise<MachineExit> => untilAborted(machine.exited, limit());
    /** Of the machine itself nothing is left: no process, no socket. */
    const assertGone = async (spec: MachineSpec): Promise<void> => {
      assert.deepEqual(await driver.strays(spec.id), []);
      const left = (await readdir(spec.runDir)).filter((file) => /\.(?:sock|fifo)$/.test(file));
      assert.deepEqual(left, []);
    };
    /** A run folder below so long a path that no socket in it can be named by it. */
    const inDeepFolder = async (spec: MachineSpec): Promise<MachineSpec> => {
      const runDir = join(spec.runDir, "d".repeat(200));
      await mkdir(runDir);
      return { ...spec, runDir };
    };
    const REBOOTED = { clean: true, by: "reboot", reason: "the guest rebooted" };
    const SHUT_DOWN = { clean: true, by: "shutdown", reason: "the guest shut down" };

    test("boots a kernel directly; disks, card and processors are as asked for", async () => {
      const work = await guest.disk("work,1.raw", mib(5));
      const plain = await guest.spec("look", { vcpus: 2 });
      const mac = "02:00:00:00:00:07";
      const hasCard = (await driver.abilities()).networks.has("user");
      const spec: MachineSpec = {
        ...plain,
        disks: [...plain.disks, { id: "work", path: work, format: "raw", readOnly: true }],
        ...(hasCard && {
          network: { mode: "user", mac, address: "10.0.2.15/24", gateway: "10.0.2.2", dns: ["10.0.2.3"] },
        }),
      };
      const machine = await start(spec);
      assert.doesNotThrow(() => machineRecordSchema.parse(machine.record));
      assert.deepEqual(await driver.strays(spec.id), [machine.record.pid]);
      await consoleShows(spec.consoleLog, /tiny: end/);
      const [named, alsoNamed] = candidate.namesDisks ? ["root\\b", "work\\b"] : ["", ""];
      const [, root] = await consoleShows(spec.consoleLog, new RegExp(`disk vda (\\d+) 0 ${named}`));
      assert.equal(Number(root), mib(16) / 512);
      await consoleShows(spec.consoleLog, new RegExp(`disk vdb ${mib(5) / 512} 1 ${alsoNamed}`));
      if (hasCard) await consoleShows(spec.consoleLog, new RegExp(`card ${mac}`));
      await consoleShows(spec.consoleLog, /cpus 2\b/);
      assert.deepEqual(await ended(machine), REBOOTED);
      await assertGone(spec);
    });

    test("boots an initramfs, on a machine with PCI too where it has one; without a network there is no card", async () => {
      const direct = withInitrd(await guest.spec("look", { vcpus: 2 }), guest);
      const { pc } = await driver.abilities();
      for (const spec of pc ? [direct, asPc(withInitrd(await guest.spec("look", { vcpus: 2 }), guest))] : [direct]) {
        const exit = await ended(await start(spec));
        const [console] = await consoleShows(spec.consoleLog, /tiny: disk vda[^]*tiny: end/);
        assert.match(console, /tiny: cpus 2/);
        assert.match(console, /tiny: root (?:ramfs|tmpfs)/);
        assert.doesNotMatch(console, /tiny: card/);
        assert.equal(exit.clean, true);
      }
    });

    test("carries bytes between host and guest over the agent's line, one connection after another", async (t) => {
      const spec = await guest.spec("agent");
      const machine = await start(spec);
      if (machine.line.kind !== "virtio-serial") {
        await machine.kill();
        t.skip(`the line is ${machine.line.kind}, which busybox does not speak: see the next test`);
        return;
      }
      await consoleShows(spec.consoleLog, /port open/);
      assert.equal(await askPort(machine, "hello"), "guest says hello");
      assert.equal(await askPort(machine, "again"), "guest says again", "a second connection after the first");
      await machine.kill();
    });

    test("the agent answers over the line, runs a command, answers anew to another daemon, and ends the guest", async () => {
      const spec = await inDeepFolder(await guest.agentSpec());
      const machine = await start(spec);
      assert.match(await guest.runByAgent(machine, ["/bin/busybox", "uname", "-s"], limit()), /^Linux\n$/);
      machine.release();
      const again = await makeDriver().attach(machine.record, limit());
      assert.ok(again, "it was let go of, not ended");
      guest.own(again);
      const sum = await guest.runByAgent(again, ["/bin/busybox", "sh", "-c", "echo $((6 * 7))"], limit());
      assert.equal(sum, "42\n");
      await guest.shutDownByAgent(again, limit());
      assert.deepEqual(await ended(again), SHUT_DOWN);
      await assertGone(spec);
    });

    test("is confined: it gains no privileges, makes no other system calls than it should, and knows no secrets of ours", async () => {
      process.env["BANGER_TEST_SECRET"] = "s3cret";
      const spec = await guest.spec("tick");
      const machine = await start(spec);
      delete process.env["BANGER_TEST_SECRET"];
      await consoleShows(spec.consoleLog, /tick 1\b/);
      const proc = (file: string): Promise<string> => readFile(`/proc/${machine.record.pid}/${file}`, "latin1");
      const status = await proc("status");
      assert.match(status, /^NoNewPrivs:\t1$/m);
      if (candidate.filtersSystemCalls) assert.match(status, /^Seccomp:\t2$/m);
      const names = (await proc("environ")).split("\0").map((word) => word.split("=")[0]);
      assert.ok(names.includes("PATH"));
      assert.ok(!names.includes("BANGER_TEST_SECRET"), names.join(" "));
      await machine.kill();
    });

    test("gives its console to who attaches, and goes on writing the log", async () => {
      const spec = await inDeepFolder(await guest.spec("console"));
      const machine = await start(spec);
      await consoleShows(spec.consoleLog, /listening/);
      const heard = await talk(await machine.console(limit()), "hello\n", /tiny: heard hello[^]*Restarting/);
      assert.match(heard, /tiny: end/);
      await consoleShows(spec.consoleLog, /tiny: heard hello[^]*Restarting/);
      await ended(machine);
    });

    test("pauses and resumes, or says why it cannot", async () => {
      const spec = await guest.spec("tick");
      const machine = await start(spec);
      await consoleShows(spec.consoleLog, /tick 3\b/);
      if (machine.pause !== undefined) {
        await machine.pause(limit());
        assert.equal(await machine.isPaused(limit()), true);
        const { size } = await stat(spec.consoleLog);
        await assert.rejects(consoleShows(spec.consoleLog, /tick 100000\b/, 300));
        assert.equal((await stat(spec.consoleLog)).size, size, "a paused guest is silent");
        await machine.resume(limit());
        const ticks = await consoleShows(spec.consoleLog, /[^]*tick (\d+)\r?\n/);
        await consoleShows(spec.consoleLog, new RegExp(`tick ${Number(ticks[1]) + 3}\\b`));
      } else {
        assert.equal(machine.lacks?.pause?.code, "VMM_CANNOT");
      }
      assert.equal(await machine.isPaused(limit()), false);
      await machine.kill();
    });

    test("kills: it is gone when kill returns, even when paused, and to kill again is no error", async () => {
      const spec = await guest.spec("tick");
      const machine = await start(spec);
      await machine.pause?.(limit());
      await machine.kill();
      assert.equal(await isAlive(machine.record), false);
      assert.equal((await ended(machine)).clean, false);
      await machine.kill();
      await assertGone(spec);
    });

    test("asks the guest to shut down by the button or the keys that the machine has", async () => {
      const { pc } = await driver.abilities();
      if (pc) {
        const spec = asPc(withInitrd(await guest.spec("button"), guest));
        const machine = await start(spec);
        await consoleShows(spec.consoleLog, /waiting/);
        assert.ok(machine.requestShutdown, "a PC has a power button");
        await machine.requestShutdown(limit());
        assert.deepEqual(await ended(machine), { clean: true, by: "shutdown", reason: "the guest shut down" });
      }
      const spec = await guest.spec("tick");
      const machine = await start(spec);
      await consoleShows(spec.consoleLog, /tick 1\b/);
      if (machine.record.machine === "microvm") {
        assert.equal(machine.requestShutdown, undefined, "it has no button");
        await machine.kill();
      } else {
        // The kernel's own answer to Ctrl-Alt-Del, where no init has taken it over.
        assert.ok(machine.requestShutdown, "it has keys");
        await machine.requestShutdown(limit());
        assert.deepEqual(await ended(machine), REBOOTED);
      }
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
      await assert.rejects(machine.resume(limit()), { code: "VMM_FAILED" });
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

    test("a disk's bandwidth is bounded", async () => {
      const megabytes = 4;
      const plain = await guest.spec("read");
      const bounded: MachineSpec = { ...(await guest.spec("read")), limits: { diskBandwidth: mib(megabytes) } };
      const seconds: number[] = [];
      for (const spec of [plain, bounded]) {
        await ended(await start(spec));
        const [, hundredths] = await consoleShows(spec.consoleLog, /tiny: read 12 MiB in (\d+) hundredths/);
        seconds.push(Number(hundredths) / 100);
      }
      const [free = 0, held = 0] = seconds;
      // 12 MiB, of which a second's worth may come at once: a busy host makes it slower, and never faster.
      assert.ok(held >= 1.8, `12 MiB came in ${held} s at ${megabytes} MiB a second, ${free} s without a bound`);
    });

    test("a machine outlives the daemon that started it, and another takes it back", async () => {
      const spec = await guest.spec("tick");
      const words = [START_AND_DIE, JSON.stringify(spec), ...candidate.startAndDie];
      const daemon = spawnSync(process.execPath, words, { encoding: "utf8" });
      assert.equal(daemon.signal, "SIGKILL", daemon.stderr);
      const record = machineRecordSchema.parse(JSON.parse(daemon.stdout));
      // While no daemon lives nobody bounds the log.
      await appendFile(spec.consoleLog, `${"x".repeat(1023)}\n`.repeat(5 * 1024));
      const machine = await makeDriver().attach(record, limit());
      assert.ok(machine, "it runs");
      guest.own(machine);
      const deadline = limit();
      while ((await stat(spec.consoleLog)).size > mib(4)) await after(20, undefined, { signal: deadline });
      const [, tick] = await consoleShows(spec.consoleLog, /tick (\d+)\r?\n/);
      await consoleShows(spec.consoleLog, new RegExp(`tick ${Number(tick) + 3}\\b`));
      assert.equal(await machine.isPaused(limit()), false);

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

    test("a machine whose record an older banger wrote is taken back: its driver's part stood beside the rest", async () => {
      const spec = await guest.spec("console");
      const started = await start(spec);
      const { own, ...common } = started.record;
      started.release();
      const record = machineRecordSchema.parse(JSON.parse(JSON.stringify({ ...common, ...own })));
      assert.deepEqual(record, started.record);
      const machine = await makeDriver().attach(record, limit());
      assert.ok(machine, "it was let go of, not ended");
      guest.own(machine);
      await consoleShows(spec.consoleLog, /listening/);
      await talk(await machine.console(limit()), "hello\n", /tiny: heard hello/);
      await ended(machine);
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

    driverRefusals(candidate, driver, () => guest, assertGone);
  });
}
