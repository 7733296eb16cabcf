import { execFileSync } from "node:child_process";
import { watch } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import type { Duplex } from "node:stream";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { connectAgent } from "../../src/guest/agent-client.ts";
import { dialerFor } from "../../src/guest/dial.ts";
import { withDeadline } from "../../src/lib/deadline.ts";
import { mib } from "../../src/lib/bytes.ts";
import { readAgentSecret } from "../../src/nouns/vms/guest/agent-secret.ts";
import type { Machine, MachineSpec } from "../../src/vmm/driver.ts";

/**
 * Init of the tiny guest: what it does is said on the kernel command line, as `tiny=WORD`.
 * Everything it tells goes to the console, one `tiny: …` line each.
 */
const INIT = `#!/bin/busybox sh
b=/bin/busybox
$b mkdir -p /proc /sys /dev
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs dev /dev 2>/dev/null
say() { $b echo "tiny: $*"; }
for word in $($b cat /proc/cmdline); do
  case $word in tiny=*) job=\${word#tiny=} ;; esac
done
case $job in
  look)
    for disk in /sys/block/vd*; do
      say "disk \${disk##*/} $($b cat $disk/size) $($b cat $disk/ro) $($b cat $disk/serial)"
    done
    for card in /sys/class/net/e*; do
      [ -e $card ] && say "card $($b cat $card/address)"
    done
    say "cpus $($b nproc)"
    say "root $($b stat -f -c %T /)"
    ;;
  agent)
    for port in /sys/class/virtio-ports/*; do
      [ "$($b cat $port/name)" = banger.agent ] || continue
      exec 3<>/dev/\${port##*/}
      say "port open"
      # While nobody is at the other end, each read ends at once.
      while :; do
        if read -r line <&3; then $b echo "guest says $line" >&3; else $b usleep 20000; fi
      done
    done
    ;;
  tick)
    n=0
    while :; do n=$((n + 1)); say "tick $n"; $b usleep 50000; done
    ;;
  keep)
    [ -e /kept ] && say "found $($b cat /kept)" || { $b echo "what was written" >/kept; $b sync; say "kept"; }
    while :; do $b sleep 60; done
    ;;
  console)
    say "listening"
    read -r line
    say "heard $line"
    ;;
  button)
    for button in /sys/class/input/input*; do
      [ "$($b cat $button/name)" = "Power Button" ] && event=$(echo $button/event*)
    done
    exec 4</dev/input/\${event##*/}
    say "waiting"
    $b dd bs=24 count=1 <&4 >/pressed 2>/dev/null
    $b poweroff -f
    ;;
  read)
    up() { read -r at _ </proc/uptime; $b echo $((\${at%.*} * 100 + 1\${at#*.} - 100)); }
    before=$(up)
    $b dd if=/dev/vda of=/dev/null bs=65536 count=192 2>/dev/null
    say "read 12 MiB in $(($(up) - before)) hundredths"
    ;;
  fill)
    say "filling"
    $b dd if=/dev/urandom of=/dev/vdb bs=65536 count=256 conv=fsync 2>/dev/null && say "filled" || say "failed to fill"
    while :; do $b sleep 60; done
    ;;
  patch)
    # The switch of a branch in the code that starts timers, which the kernel patches; the sleepers start timers.
    for sleeper in 1 2; do (while :; do sleep 0.0001; done) & done
    at=0
    while [ \${at%.*} -lt 15 ]; do
      echo 0 >/proc/sys/kernel/timer_migration && echo 1 >/proc/sys/kernel/timer_migration || exit 1
      read -r at _ </proc/uptime
    done
    say "patched with $($b nproc) CPUs"
    ;;
  panic) exit 1 ;;
esac
say "end"
$b reboot -f
`;

/** Built by `make build`. */
const AGENT = join(import.meta.dirname, "../../build/bin/banger-vsock-agent");

/**
 * A kernel that needs nothing but a root disk; the first time on a machine it is built, which takes a quarter of an
 * hour. BANGER_TEST_KERNEL names another one.
 */
export function genericKernel(): string {
  const given = process.env["BANGER_TEST_KERNEL"];
  if (given !== undefined) return given;
  const script = join(import.meta.dirname, "../../scripts/make-generic-kernel.sh");
  const said = execFileSync(script, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return said.trim().split("\n").at(-1) ?? "";
}

/** The least guest there is, on a disk and in an initramfs, in a folder of its own with short paths. */
export class TinyGuest implements AsyncDisposable {
  readonly folder: string;
  readonly kernel: string;
  readonly rootDisk: string;
  readonly initrd: string;
  #machines: Machine[] = [];
  #runs = 0;

  private constructor(folder: string, kernel: string) {
    this.folder = folder;
    this.kernel = kernel;
    this.rootDisk = join(folder, "root.ext4");
    this.initrd = join(folder, "initrd");
  }

  static async make(): Promise<TinyGuest> {
    const guest = new TinyGuest(await mkdtemp(join(tmpdir(), "tiny,-")), genericKernel());
    const tree = join(guest.folder, "tree");
    for (const name of ["bin", "dev", "proc", "sys"]) await mkdir(join(tree, name), { recursive: true });
    await copyFile("/bin/busybox", join(tree, "bin/busybox"));
    await writeFile(join(tree, "init"), INIT);
    await chmod(join(tree, "init"), 0o755);
    await symlink("busybox", join(tree, "bin/sh"));
    execFileSync("mke2fs", ["-q", "-t", "ext4", "-E", "root_owner=0:0", "-d", tree, guest.rootDisk, "16M"]);
    const names = execFileSync("find", [".", "-mindepth", "1"], { cwd: tree });
    await writeFile(
      guest.initrd,
      execFileSync("busybox", ["cpio", "-o", "-H", "newc"], {
        cwd: tree,
        input: names,
        stdio: ["pipe", "pipe", "ignore"],
        maxBuffer: mib(64),
      }),
    );
    return guest;
  }

  /** A machine that boots from a fresh copy of the disk and does one job. */
  async spec(job: string, changes: Partial<MachineSpec> = {}): Promise<MachineSpec> {
    this.#runs += 1;
    const runDir = join(this.folder, `r${this.#runs}`);
    await mkdir(runDir);
    const disk = join(runDir, "root.raw");
    await copyFile(this.rootDisk, disk);
    return {
      id: `vm-${process.pid}-${this.#runs}`,
      name: "tiny",
      runDir,
      consoleLog: join(runDir, "console.log"),
      vcpus: 1,
      memoryBytes: mib(128),
      kernel: {
        path: this.kernel,
        format: "elf",
        microvm: true,
        commandLine: ["root=/dev/vda", "rw", "init=/init", `tiny=${job}`],
      },
      disks: [{ id: "root", path: disk, format: "raw", readOnly: false }],
      network: { mode: "none" },
      ...changes,
    };
  }

  /** A machine whose PID 1 is banger's own agent, in the same tiny system. */
  async agentSpec(): Promise<MachineSpec> {
    const tree = join(this.folder, "tree");
    const libexec = join(tree, "usr/local/libexec");
    await mkdir(libexec, { recursive: true });
    await copyFile(AGENT, join(libexec, "banger-first-boot"));
    const path = join(this.folder, "agent.ext4");
    await rm(path, { force: true });
    execFileSync("mke2fs", ["-q", "-t", "ext4", "-E", "root_owner=0:0", "-d", tree, path, "32M"]);
    const plain = await this.spec("agent");
    return {
      ...plain,
      disks: [{ id: "root", path, format: "raw", readOnly: false }],
      kernel: {
        ...plain.kernel,
        commandLine: ["root=/dev/vda", "rootfstype=ext4", "rw", "init=/usr/local/libexec/banger-first-boot"],
      },
    };
  }

  /** What a command in the guest prints, by its agent, which may be about to start. */
  async runByAgent(machine: Machine, argv: readonly string[], signal: AbortSignal): Promise<string> {
    const agent = await connectAgent({
      dial: dialerFor(machine.line, AGENT),
      secret: await readAgentSecret(machine.record),
      signal,
    });
    try {
      const command = await agent.exec({ argv, env: {}, cwd: "/", user: "" }, { signal });
      command.stdin.end();
      command.stderr.resume();
      const [said] = await Promise.all([text(command.stdout), command.exit]);
      return said;
    } finally {
      agent.close();
    }
  }

  async shutDownByAgent(machine: Machine, signal: AbortSignal): Promise<void> {
    const agent = await connectAgent({
      dial: dialerFor(machine.line, AGENT),
      secret: await readAgentSecret(machine.record),
      signal,
    });
    // A guest that goes down at once breaks the line that the answer would have come over.
    await agent.shutdown(signal).catch(() => {});
    agent.close();
  }

  /** Another empty disk. */
  async disk(name: string, sizeBytes: number): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, "");
    await truncate(path, sizeBytes);
    return path;
  }

  /** Remembers a machine, so that none is left when the test ends, however it ends. */
  own<T extends Machine>(machine: T): T {
    this.#machines.push(machine);
    return machine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const machine of this.#machines) await machine.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The same machine, which finds its root in an initramfs. */
export function withInitrd(spec: MachineSpec, guest: TinyGuest): MachineSpec {
  const commandLine = spec.kernel.commandLine.filter((word) => word.startsWith("tiny="));
  return {
    ...spec,
    kernel: { ...spec.kernel, initrdPath: guest.initrd, commandLine: ["rdinit=/init", ...commandLine] },
  };
}

/** The same machine as a PC. */
export function asPc(spec: MachineSpec): MachineSpec {
  return { ...spec, kernel: { ...spec.kernel, microvm: false } };
}

/** Waits until the console shows this, and returns what matched; shows the console's end if it does not come. */
export async function consoleShows(log: string, wanted: RegExp, timeoutMs = 30_000): Promise<RegExpExecArray> {
  let text = "";
  try {
    return await withDeadline(new AbortController().signal, timeoutMs, `${wanted} on the console`, async (signal) => {
      for (;;) {
        const changed = nextChange(log, signal);
        text = await readFile(log, "utf8").catch(() => "");
        const found = wanted.exec(text);
        if (found !== null) return found;
        await changed;
      }
    });
  } catch (cause) {
    throw new Error(`${wanted} did not show on the console, which ended with:\n${text.slice(-2000)}`, { cause });
  }
}

async function nextChange(log: string, signal: AbortSignal): Promise<void> {
  const own = new AbortController();
  const watcher = watch(dirname(log), { signal: AbortSignal.any([own.signal, signal]) });
  try {
    await once(watcher, "change", { signal });
  } finally {
    own.abort();
  }
}

/** Says one line to the guest's end of the agent's port, and returns its answer. */
export async function askPort(machine: Machine, line: string): Promise<string> {
  if (machine.line.kind !== "virtio-serial") throw new Error(`no virtio-serial but ${machine.line.kind}`);
  const socket = createConnection(machine.line.socketPath);
  await once(socket, "connect");
  return (await talk(socket, `${line}\n`, /\n/)).trim();
}

/** Says something on a stream, and returns what came back once it holds what is wanted. The stream is closed. */
export async function talk(stream: Duplex, words: string, wanted: RegExp): Promise<string> {
  try {
    stream.setEncoding("utf8").write(words);
    let heard = "";
    for await (const chunk of stream) {
      heard += String(chunk);
      if (wanted.test(heard)) break;
    }
    return heard;
  } finally {
    stream.destroy();
  }
}
