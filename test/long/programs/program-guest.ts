import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT, TestHost } from "../../helpers/test-host.ts";
import { debianImage } from "../../helpers/test-images.ts";

const exec = promisify(execFile);

/** What a busy host that emulates takes to pull a kernel or an image, and to bring a system up. */
export const SLOW_MS = 1_200_000;

/** Both kinds of kernel: all built in and booted directly, and a distribution's with its modules on a disk. */
export const PROGRAM_KERNELS = ["generic-6.12", "debian-cloud"] as const;
export type ProgramKernel = (typeof PROGRAM_KERNELS)[number];

export interface ProgramGuestSpec {
  readonly kernel: ProgramKernel;
  /** Of Debian, besides systemd and D-Bus. */
  readonly packages: readonly string[];
  readonly memory?: string;
  readonly vcpus?: number;
  /** More words for `vm create`. */
  readonly options?: readonly string[];
}

/** A VM of Debian bookworm with systemd and some of Debian's programs, on a host of its own. */
export class ProgramGuest implements AsyncDisposable {
  readonly host: TestHost;
  readonly name = "programs";

  private constructor(host: TestHost) {
    this.host = host;
  }

  /** Makes the image (once on a machine), the VM, and waits until its system is up. */
  static async start(spec: ProgramGuestSpec): Promise<ProgramGuest> {
    const image = await debianImage("bookworm", ["systemd-sysv", "dbus", ...spec.packages]);
    const guest = new ProgramGuest(await TestHost.start());
    const { host, name } = guest;
    try {
      await allowTime(host);
      await addKernel(host, spec.kernel);
      const pull = ["image", "pull", image, "--name", "debian", "--kernel-ref", spec.kernel];
      await host.ok(pull, { timeoutMs: SLOW_MS });
      const shape = ["--memory", spec.memory ?? "1G", "--vcpus", String(spec.vcpus ?? 1), ...(spec.options ?? [])];
      const create = ["vm", "create", "--name", name, "--image", "debian", "--wait", "system", ...shape];
      await host.ok(create, { timeoutMs: SLOW_MS });
      return guest;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts it after a stop or a power cut, and waits until its system is up again. */
  async startAgain(): Promise<void> {
    await this.host.ok(["vm", "start", "--wait", "system", this.name], { timeoutMs: SLOW_MS });
  }

  /**
   * Runs a bash script in the guest that ends at its first failure.
   *
   * @param user root unless told.
   * @returns what it printed, trimmed.
   * @throws with all that it printed if it fails.
   */
  async run(script: string, { user = "root", timeoutMs = 600_000 } = {}): Promise<string> {
    const command = ["vm", "exec", this.name, "--user", user, "--", "bash", "-euo", "pipefail", "-c", script];
    const { code, signal, stdout, stderr } = await this.host.banger(command, { timeoutMs });
    if (code === 0) return stdout.toString("utf8").trim();
    throw new Error(`${script}\nended with ${code ?? signal}\nstdout: ${stdout.toString("utf8")}\nstderr: ${stderr}`);
  }

  /** Writes a file into the guest. */
  async write(path: string, content: Uint8Array, mode = "755"): Promise<void> {
    const script = `cat > '${path}' && chmod ${mode} '${path}'`;
    const { code, stderr } = await this.host.banger(["vm", "exec", this.name, "--", "sh", "-c", script], {
      input: content,
    });
    if (code !== 0) throw new Error(`cannot write ${path}: ${stderr}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host[Symbol.asyncDispose]();
  }
}

/** Has a host's daemon wait as long for a guest. */
export async function allowTime(host: TestHost): Promise<void> {
  const config = join(host.folder, ".config", "banger");
  await mkdir(config, { recursive: true });
  await writeFile(join(config, "config.toml"), `[vm]\nstart_timeout = ${SLOW_MS / 1000}\n`);
}

async function addKernel(host: TestHost, kernel: ProgramKernel): Promise<void> {
  if (kernel === "debian-cloud") {
    await host.ok(["kernel", "pull", kernel], { timeoutMs: SLOW_MS });
    return;
  }
  const { stdout } = await exec(join(ROOT, "scripts", "make-generic-kernel.sh"), [], { maxBuffer: 2 ** 26 });
  await host.ok(["kernel", "import", kernel, "--vmlinux", stdout.trim().split("\n").at(-1) ?? ""]);
}
