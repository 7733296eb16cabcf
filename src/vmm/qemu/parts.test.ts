import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { mib } from "../../lib/bytes.ts";
import { acceleratorOption } from "./accelerator.ts";
import { kernelCommandLine } from "./command-line.ts";
import { devicePlaces } from "./device-places.ts";
import { optionString } from "./option-string.ts";
import { findQemu } from "./qemu-binary.ts";
import { parseQmpMessage } from "./qmp-messages.ts";
import { SANDBOX, sandboxMemory } from "./sandbox.ts";

test("emulated CPUs take turns, and their code takes a quarter of the guest's memory within bounds", () => {
  assert.equal(acceleratorOption("kvm", mib(512)), "kvm");
  assert.equal(acceleratorOption("tcg"), "tcg,thread=single");
  for (const [memory, kept] of [
    [64, 32],
    [128, 32],
    [130, 33],
    [512, 128],
    [1024, 256],
    [8192, 256],
  ] as const) {
    assert.equal(acceleratorOption("tcg", mib(memory)), `tcg,thread=single,tb-size=${kept}`, String(memory));
  }
});

test("a microvm has seven places, in the order of a guest's disks, and says when they are taken; a PC has as many as are asked", () => {
  const { place, hasRoom } = devicePlaces("microvm");
  const buses = [7, 6, 5, 4, 2, 1, 0].map((bus) => {
    assert.ok(hasRoom());
    assert.equal(place("virtio-blk", { drive: "d" }), `virtio-blk-device,drive=d,bus=virtio-mmio-bus.${bus}`);
    return bus;
  });
  assert.equal(buses.length, 7);
  assert.ok(!hasRoom());
  assert.throws(() => place("virtio-blk", {}), { code: "VMM_CANNOT", what: /room for 7/ });
  const pc = devicePlaces("q35");
  for (let n = 0; n < 9; n += 1) assert.equal(pc.place("virtio-blk", { drive: n }), `virtio-blk-pci,drive=${n}`);
  assert.ok(pc.hasRoom());
});

test("a comma in a value stays one, and what is absent is no option", () => {
  assert.equal(optionString("file", { path: "/a,b", ro: undefined, n: 0 }), "file,path=/a,,b,n=0");
  assert.equal(optionString("a,b"), "a,,b");
});

test("the driver's words come first; a microvm's devices count for the line, a PC's do not", () => {
  const line = (machine: "microvm" | "q35", host: object, words: readonly string[] = ["root=x"], devices = 2): string =>
    kernelCommandLine(words, machine, host as never, devices);
  assert.equal(line("microvm", { accel: "kvm" }), "console=ttyS0 quiet panic=-1 reboot=t acpi=off root=x");
  assert.equal(line("q35", { accel: "kvm", tscKhz: 5 }), "console=ttyS0 quiet panic=-1 root=x");
  assert.equal(line("q35", { accel: "tcg" }), "console=ttyS0 quiet panic=-1 no_timer_check root=x");
  assert.match(line("q35", { accel: "tcg", tscKhz: 5 }), /no_timer_check tsc_early_khz=5 tsc=nowatchdog root=x$/);
  const long = ["a".repeat(1900)];
  assert.ok(line("microvm", { accel: "kvm" }, long, 2));
  assert.throws(() => line("microvm", { accel: "kvm" }, long, 3), { code: "VM_SPEC_INVALID" });
  assert.ok(line("q35", { accel: "kvm" }, long, 9));
});

test("what QEMU says is read by its kind; what is none of them is no message", () => {
  const version = { qemu: { major: 7, minor: 2, micro: 1 }, package: "" };
  for (const [line, message] of [
    [{ QMP: { version, capabilities: [] } }, { kind: "greeting", version }],
    [
      { return: { a: 1 }, id: 3 },
      { kind: "answer", id: 3, value: { a: 1 } },
    ],
    [
      { error: { class: "c", desc: "d" }, id: 3 },
      { kind: "error", id: 3, desc: "d" },
    ],
    [{ error: { class: "c", desc: "d" } }, { kind: "error", id: undefined, desc: "d" }],
    [{ event: "STOP" }, { kind: "event", event: "STOP", data: {} }],
    [
      { event: "STOP", data: { a: 1 } },
      { kind: "event", event: "STOP", data: { a: 1 } },
    ],
  ]) {
    assert.deepEqual(parseQmpMessage(JSON.stringify(line)), message);
  }
  for (const line of ["", "{", "null", "[]", "{}", '{"return":{}}', '{"error":"x"}', '{"event":1}'])
    assert.equal(parseQmpMessage(line), undefined, line);
});

test("QEMU is where the configuration says, or in PATH; else the error says how to get it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "banger-qemu-"));
  try {
    await assert.rejects(findQemu(undefined, folder), { code: "TOOL_MISSING", what: /qemu-system-x86_64/ });
    await assert.rejects(findQemu("/none/qemu", folder), { code: "TOOL_MISSING", fix: /qemu_bin/ });
    const binary = join(folder, "qemu-system-x86_64");
    await writeFile(binary, "#!/bin/sh\n");
    await chmod(binary, 0o755);
    assert.equal(await findQemu(undefined, folder), binary);
    assert.equal(await findQemu(binary, ""), binary);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a QEMU is expected to have its filter until one was found without, and again when its file is another", async () => {
  const folder = await mkdtemp(join(tmpdir(), "banger-qemu-"));
  try {
    const binary = join(folder, "qemu");
    const write = async (script: string): Promise<void> => {
      await writeFile(binary, `#!/bin/sh\n${script}\n`);
      await chmod(binary, 0o755);
    };
    const memory = sandboxMemory();
    await write(`[ "$1" != -sandbox ] # ${SANDBOX}`);
    assert.equal(await memory.isExpected(binary), true);
    assert.equal(await memory.isMissing(binary), true);
    assert.equal(await memory.isExpected(binary), false);
    assert.equal(await memory.isMissing(binary), true, "as it was found before");
    await write("exit 0");
    assert.equal(await memory.isExpected(binary), true);
    assert.equal(await memory.isMissing(binary), false);
    const broken = sandboxMemory();
    await write("exit 127");
    assert.equal(await broken.isMissing(binary), false, "it does not run at all");
    assert.equal(await broken.isExpected(binary), true);
  } finally {
    await rm(folder, { recursive: true });
  }
});
