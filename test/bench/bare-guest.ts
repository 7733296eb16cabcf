import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Accel } from "../../src/model/vm.ts";
import { acceleratorOption } from "../../src/vmm/qemu/accelerator.ts";

/** A shell on the serial port, behind a network card: each line is run, and its end is told. */
const INIT = `#!/bin/busybox sh
busybox() { /bin/busybox "$@"; }
busybox mkdir -p /dev /proc
busybox mount -t devtmpfs dev /dev 2>/dev/null
busybox mount -t proc proc /proc
busybox ip link set lo up
export PATH=/bin
exec </dev/ttyS0 >/dev/ttyS0 2>&1
busybox stty -echo -onlcr
echo "bare guest is ready"
while read -r line; do eval "$line"; echo "bare guest ended with $?"; done
`;

/** The guest's end of its one virtio-serial port, for its shell: which number the kernel gives it, nobody knows. */
export const PORT = "$(echo /dev/vport*p1)";

const LIMIT_MS = 120_000;

export interface BareSize {
  readonly vcpus: number;
  readonly memoryMib: number;
}
const LARGE: BareSize = { vcpus: 2, memoryMib: 1024 };

/** QEMU alone, with a busybox in its initramfs, a network in user mode and a serial port: what there is without banger. */
export class BareGuest implements AsyncDisposable {
  /** The host's end of {@link PORT}. */
  readonly portSocket: string;
  readonly #child: ChildProcess;
  #said = "";

  private constructor(child: ChildProcess, portSocket: string) {
    this.#child = child;
    this.portSocket = portSocket;
    child.stdout?.on("data", (chunk: Buffer) => (this.#said += chunk.toString("latin1")));
  }

  /** The machine that banger's driver makes for a kernel of this kind, by hand. */
  static async start(folder: string, kernel: string, accel: Accel, size = LARGE): Promise<BareGuest> {
    const portSocket = join(folder, "port.sock");
    const args = [
      [
        "-machine",
        "microvm,acpi=off,rtc=on,isa-serial=on,pit=on,pic=on,x-option-roms=off",
        "-accel",
        acceleratorOption(accel),
      ],
      ["-cpu", accel === "kvm" ? "host" : "max", "-smp", String(size.vcpus), "-m", `${size.memoryMib}M`],
      ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"],
      ["-kernel", kernel, "-initrd", await initramfs(folder)],
      ["-netdev", "user,id=net,ipv6=off", "-device", "virtio-net-device,netdev=net"],
      ["-chardev", `socket,id=port,path=${portSocket},server=on,wait=off`, "-device", "virtio-serial-device"],
      ["-device", "virtserialport,chardev=port,name=bare"],
      ["-append", "console=ttyS0 quiet panic=-1 no_timer_check ip=10.0.2.15::10.0.2.2:255.255.255.0:bare:eth0:off"],
    ].flat();
    const guest = new BareGuest(spawn("qemu-system-x86_64", args, { stdio: ["pipe", "pipe", "ignore"] }), portSocket);
    await guest.#hears(/bare guest is ready/);
    return guest;
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error("the bare guest was never started");
    return this.#child.pid;
  }

  get said(): string {
    return this.#said;
  }

  /** Runs one line of shell to its end. */
  async run(line: string): Promise<void> {
    this.#said = "";
    this.#child.stdin?.write(`${line}\n`);
    await this.#hears(/bare guest ended with \d+/);
  }

  async #hears(wanted: RegExp): Promise<void> {
    const limit = AbortSignal.timeout(LIMIT_MS);
    while (!wanted.test(this.#said)) {
      if (this.#child.exitCode !== null || this.#child.stdout === null) {
        throw new Error(`the bare guest ended:\n${this.#said.slice(-2000)}`);
      }
      await once(this.#child.stdout, "data", { signal: limit });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}

async function initramfs(folder: string): Promise<string> {
  const tree = join(folder, "bare-guest");
  await mkdir(join(tree, "bin"), { recursive: true });
  await copyFile("/bin/busybox", join(tree, "bin/busybox"));
  for (const applet of ["sh", "cat", "dd", "head", "nc"]) await symlink("busybox", join(tree, "bin", applet));
  await writeFile(join(tree, "init"), INIT);
  await chmod(join(tree, "init"), 0o755);
  const names = execFileSync("find", [".", "-mindepth", "1"], { cwd: tree });
  const path = join(folder, "bare-guest.cpio");
  const archive = execFileSync("cpio", ["--quiet", "-o", "-H", "newc"], {
    cwd: tree,
    input: names,
    maxBuffer: 2 ** 26,
  });
  await writeFile(path, archive);
  return path;
}
