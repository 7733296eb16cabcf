import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdir, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Driver, MachineSpec } from "../../src/vmm/driver.ts";
import type { TinyGuest } from "../helpers/tiny-guest.ts";
import { type Candidate, limit } from "./driver-candidate.ts";

/** What no driver starts, and how it says so. */
export function driverRefusals(
  candidate: Candidate,
  driver: Driver,
  guestOf: () => TinyGuest,
  assertGone: (spec: MachineSpec) => Promise<void>,
): void {
  describe("what cannot be started says why, and leaves nothing", () => {
    const start = async (spec: MachineSpec) => guestOf().own(await driver.start(spec, limit()));
    const refuses = async (spec: MachineSpec, code: RegExp, said: RegExp): Promise<void> => {
      await assert.rejects(driver.start(spec, limit()), (error: Error & { code: string }) => {
        assert.match(error.code, code, error.message);
        assert.match(error.message, said);
        return true;
      });
      assert.deepEqual(await driver.strays(spec.id), []);
    };
    const socketsIn = async ({ runDir }: MachineSpec): Promise<readonly string[]> =>
      (await readdir(runDir)).filter((file) => file.endsWith(".sock")).map((file) => join(runDir, file));

    test("a file that is no kernel", async () => {
      const spec = await guestOf().spec("look");
      const path = join(guestOf().folder, "no-kernel");
      await writeFile(path, "this is no kernel ".repeat(1000));
      await refuses({ ...spec, kernel: { ...spec.kernel, path } }, /VMM_FAILED/, /kernel/);
      await assertGone(spec);
    });

    test("a kernel that is missing", async () => {
      const spec = await guestOf().spec("look");
      await refuses({ ...spec, kernel: { ...spec.kernel, path: "/nowhere/vmlinux" } }, /FILE_UNREADABLE/, /nowhere/);
    });

    test("a disk that is missing", async () => {
      const spec = await guestOf().spec("look");
      const disks = [{ id: "root", path: "/nowhere/root", format: "raw", readOnly: false }] as const;
      await refuses({ ...spec, disks }, /FILE_UNREADABLE/, /root disk/);
    });

    test("a network device that is not there, which the VMM would make, joined to nothing", async () => {
      const spec = await guestOf().spec("look");
      const device = "bgr-absent";
      const guestSide = { mac: "02:00:00:00:00:07", address: "10.9.9.2/30", gateway: "10.9.9.1", dns: ["10.9.9.1"] };
      const network = { mode: "tap", ...guestSide, device, mtu: 1500, via: "nftables" } as const;
      await refuses({ ...spec, network }, /NETWORK_FAILED/, /bgr-absent is not there/);
      await assertGone(spec);
    });

    test("a namespace that cannot be entered is no fault of the VMM's", async () => {
      const spec = await guestOf().spec("look");
      const enter = ["nsenter", "--target=999999999", "--net", "--"];
      await refuses({ ...spec, enter }, /NETWORK_FAILED/, /namespace .*could not be entered: nsenter: /);
      await assertGone(spec);
    });

    test("a disk of another format", async () => {
      const spec = await guestOf().spec("look");
      const disks = spec.disks.map((disk) => ({ ...disk, format: "qcow2" as const }));
      await refuses({ ...spec, disks }, /VMM_FAILED|VMM_CANNOT/, /qcow2/);
    });

    test("a disk that another machine writes to", async (t) => {
      if (!candidate.locksDisks) {
        t.skip("this VMM locks no disks");
        return;
      }
      const spec = await guestOf().spec("tick");
      const machine = await start(spec);
      const second = await guestOf().spec("tick", { disks: spec.disks });
      await refuses(second, /VMM_FAILED/, /lock/);
      await machine.kill();
    });

    test("a command line that is too long", async () => {
      const spec = await guestOf().spec("look");
      const commandLine = [...spec.kernel.commandLine, "x".repeat(2048)];
      await refuses({ ...spec, kernel: { ...spec.kernel, commandLine } }, /VM_SPEC_INVALID/, /too long/);
    });

    test("a socket in the way whose owner lives; one whose owner is dead is removed", async () => {
      const spec = await guestOf().spec("tick");
      const machine = await start(spec);
      const sockets = await socketsIn(spec);
      await machine.kill();
      assert.ok(sockets.length > 1);
      for (const path of sockets) {
        const owner = createServer().listen(path);
        await once(owner, "listening");
        await refuses(spec, /VMM_FAILED/, /in the way/);
        owner.close();
        await once(owner, "close");
      }
      // A machine that is killed by force cannot tidy up.
      for (const path of sockets) {
        const crashed = spawnSync(process.execPath, ["-e", dieListening(path)]);
        assert.equal(crashed.signal, "SIGKILL");
        assert.ok((await stat(path)).isSocket());
      }
      const next = await start(spec);
      await next.kill();
    });

    test("a file in the way is not removed", async () => {
      const spec = await guestOf().spec("look");
      const probe = await start(spec);
      const [path = ""] = await socketsIn(spec);
      await probe.kill();
      await writeFile(path, "precious");
      await refuses(spec, /VMM_FAILED/, /in the way/);
      assert.ok((await stat(path)).isFile());
      await rm(path);
    });
  });
}

function dieListening(path: string): string {
  const then = `() => process.kill(process.pid, "SIGKILL")`;
  return `require("node:net").createServer().listen(${JSON.stringify(path)}, ${then})`;
}
