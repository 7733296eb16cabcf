import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { lstat, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { checkCommandLine } from "./check-command-line.ts";
import { checkFiles } from "./check-files.ts";
import { checkNetwork, deviceNames } from "./check-network.ts";
import type { MachineSpec } from "./driver.ts";
import { readTail } from "./read-tail.ts";
import { clearSocketPath, isListening } from "./socket-path.ts";

const signal = AbortSignal.timeout(30_000);

async function scratch(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "banger-vmm-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test("a command line is taken up to what the kernel reads, in bytes, with what the VMM adds", () => {
  const line = "a".repeat(2000);
  assert.equal(checkCommandLine(line, 47), line);
  for (const [text, reserved] of [
    [line, 48],
    ["é".repeat(1000), 48],
    ["a".repeat(2048), 0],
  ] as const) {
    assert.throws(() => checkCommandLine(text, reserved), { code: "VM_SPEC_INVALID", what: /too long/ });
  }
});

test("a command line holds no line break, and no other control character", () => {
  assert.equal(checkCommandLine("a=b c~ é", 0), "a=b c~ é");
  for (const odd of ["\n", "\t", "\0", "\x1f"]) {
    assert.throws(() => checkCommandLine(`a${odd}b`, 0), { code: "VM_SPEC_INVALID", what: /control character/ });
  }
});

test("a machine's devices are read from the kernel's table", () => {
  const table = "Inter-|   Receive\n face |bytes\n    lo: 1 2\nbgr-1: 3 4\n  eth0.5:0 0\n\n";
  assert.deepEqual([...deviceNames(table)], ["lo", "bgr-1", "eth0.5"]);
  assert.deepEqual([...deviceNames("")], []);
});

test("a TAP device that is gone is told before the machine starts; other networks have none", async () => {
  const machine = (network: object): MachineSpec => ({ network }) as MachineSpec;
  await checkNetwork(machine({ mode: "tap", device: "lo" }), signal);
  await checkNetwork(machine({ mode: "user" }), signal);
  await checkNetwork(machine({ mode: "none" }), signal);
  await assert.rejects(checkNetwork(machine({ mode: "tap", device: "bgr-none" }), signal), {
    code: "NETWORK_FAILED",
    what: /bgr-none/,
  });
});

test("a device is looked for where the machine will be", async () => {
  const enter = ["sh", "-c", 'printf "1\\n2\\n bgr-7: 0\\n"', "sh"];
  const machine = (device: string) => ({ network: { mode: "tap", device }, enter }) as unknown as MachineSpec;
  await checkNetwork(machine("bgr-7"), signal);
  await assert.rejects(checkNetwork(machine("lo"), signal), { code: "NETWORK_FAILED" });
});

test("files that cannot be opened are told by what they are for", async () => {
  await using folder = await scratch();
  const [there, gone] = [join(folder.path, "there"), join(folder.path, "gone")];
  await writeFile(there, "x");
  const check = (parts: { kernel?: object; disks?: readonly object[] }): Promise<void> =>
    checkFiles({ kernel: { path: there, ...parts.kernel }, disks: parts.disks ?? [] } as unknown as MachineSpec);
  await check({ kernel: { initrdPath: there }, disks: [{ id: "root", path: there, readOnly: false }] });
  for (const [parts, use] of [
    [{ kernel: { path: gone } }, "the kernel"],
    [{ kernel: { initrdPath: gone } }, "the initramfs"],
    [{ disks: [{ id: "work", path: gone, readOnly: true }] }, "the work disk"],
  ] as const) {
    await assert.rejects(check(parts), {
      code: "FILE_UNREADABLE",
      what: `${use} cannot be used: ${gone}`,
      why: /ENOENT/,
    });
  }
});

test(
  "a disk that is only read need not be writable",
  { skip: process.getuid?.() === 0 && "root may write all" },
  async () => {
    await using folder = await scratch();
    const disk = join(folder.path, "disk");
    await writeFile(disk, "x");
    chmodSync(disk, 0o400);
    const check = (readOnly: boolean): Promise<void> =>
      checkFiles({ kernel: { path: disk }, disks: [{ id: "root", path: disk, readOnly }] } as unknown as MachineSpec);
    await check(true);
    await assert.rejects(check(false), { code: "FILE_UNREADABLE", why: /EACCES/ });
  },
);

test("a socket whose owner is dead makes way; what is anybody's stays", async () => {
  await using folder = await scratch();
  const at = (name: string): string => join(folder.path, name);
  await clearSocketPath(at("none"));
  const server = createServer().listen(at("alive"));
  await once(server, "listening");
  try {
    assert.equal(await isListening(at("alive")), true);
    assert.equal(await isListening(at("none")), false);
    await assert.rejects(clearSocketPath(at("alive")), { code: "VMM_FAILED", why: "another process listens there" });
    await writeFile(at("file"), "x");
    await symlink(at("alive"), at("link"));
    for (const name of ["file", "link"]) {
      await assert.rejects(clearSocketPath(at(name)), { code: "VMM_FAILED", why: "it is not a socket" }, name);
      await lstat(at(name));
    }
    await assert.rejects(clearSocketPath(join(at("file"), "x")), { code: "ENOTDIR" });
  } finally {
    server.close();
  }
});

test("the end of a file is read, and no more of it than was asked for", async () => {
  await using folder = await scratch();
  const path = join(folder.path, "log");
  assert.equal(await readTail(path, 10), "");
  await writeFile(path, "0123456789");
  assert.equal(await readTail(path, 4), "6789");
  assert.equal(await readTail(path, 10), "0123456789");
  assert.equal(await readTail(path, 100), "0123456789");
  await assert.rejects(readTail(join(path, "x"), 1), { code: "ENOTDIR" });
});
