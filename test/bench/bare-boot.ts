import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Accel } from "../../src/model/vm.ts";
import { acceleratorOption } from "../../src/vmm/qemu/accelerator.ts";

/** Says that it runs, and nothing else: the least that a guest can do. */
const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /dev 2>/dev/null
/bin/busybox mount -t devtmpfs dev /dev 2>/dev/null
/bin/busybox echo "bare guest is up" >/dev/console
/bin/busybox reboot -f
`;

/** An initramfs of busybox and {@link INIT}. */
export async function bareInitramfs(folder: string): Promise<string> {
  const tree = join(folder, "tree");
  await mkdir(join(tree, "bin"), { recursive: true });
  await copyFile("/bin/busybox", join(tree, "bin/busybox"));
  await writeFile(join(tree, "init"), INIT);
  await chmod(join(tree, "init"), 0o755);
  const path = join(folder, "initramfs");
  const input = "init\nbin\nbin/busybox\n";
  await writeFile(
    path,
    execFileSync("cpio", ["--quiet", "-o", "-H", "newc"], { cwd: tree, input, maxBuffer: 2 ** 26 }),
  );
  return path;
}

/** The same on an ext4 file, for a kernel that boots straight into its root disk. */
export async function bareRootDisk(folder: string): Promise<string> {
  await bareInitramfs(folder);
  await mkdir(join(folder, "tree/dev"), { recursive: true });
  const path = join(folder, "root.ext4");
  execFileSync("mke2fs", ["-q", "-t", "ext4", "-d", join(folder, "tree"), path, "16M"]);
  return path;
}

export interface BareMachine {
  readonly kernel: string;
  readonly initramfs?: string;
  /** In place of an initramfs; then the machine is a microvm, which boots the sooner of the two. */
  readonly rootDisk?: string;
  readonly accel: Accel;
  readonly vcpus: number;
  readonly memoryMib: number;
}

function bareMachine({ initramfs, rootDisk }: BareMachine): readonly string[] {
  const words = "console=ttyS0 quiet panic=-1 no_timer_check";
  if (rootDisk === undefined)
    return ["-machine", "q35", "-append", words, ...(initramfs ? ["-initrd", initramfs] : [])];
  return [
    "-machine",
    "microvm,acpi=off,rtc=on,isa-serial=on,pit=on,pic=on,x-option-roms=off",
    "-drive",
    `id=root,file=${rootDisk},format=raw,if=none`,
    "-device",
    "virtio-blk-device,drive=root",
    "-append",
    `${words} root=/dev/vda rw init=/init reboot=t`,
  ];
}

/** Milliseconds from the start of QEMU to the first word of its init, with no network or agent. */
export async function bareBoot(machine: BareMachine): Promise<number> {
  const started = performance.now();
  const args = [
    [...bareMachine(machine), "-accel", acceleratorOption(machine.accel), "-cpu", "max"],
    ["-smp", String(machine.vcpus), "-m", `${machine.memoryMib}M`],
    ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"],
    ["-kernel", machine.kernel],
  ].flat();
  const child = spawn("qemu-system-x86_64", args, { stdio: ["ignore", "pipe", "ignore"] });
  let console = "";
  let upMs: number | undefined;
  child.stdout.on("data", (chunk: Buffer) => {
    console += chunk.toString();
    if (console.includes("bare guest is up")) upMs ??= performance.now() - started;
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), 120_000);
  await once(child, "close");
  clearTimeout(limit);
  if (upMs === undefined) throw new Error(`the bare guest did not come up:\n${console.slice(-2000)}`);
  return upMs;
}
