import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { NetworkLab } from "../../helpers/network-lab.ts";
import { ROOT, TestHost } from "../../helpers/test-host.ts";
import { debianImage } from "../../helpers/test-images.ts";
import { allowTime, SLOW_MS } from "./program-guest.ts";

const exec = promisify(execFile);

const LINK_PACKAGES = [
  "kmod",
  "python3-minimal",
  "iproute2",
  "iputils-ping",
  "wireguard-tools",
  "nfs-kernel-server",
  "nfs-ganesha-vfs",
  "sshfs",
  "openssh-server",
];

/** Each guest's kernel. */
const GUESTS = { left: "generic-6.12", right: "debian-cloud" } as const;
export type Side = keyof typeof GUESTS;

/** Two VMs of Debian with systemd that may reach each other (`--allow-vms`), of the two kinds of kernel, in a lab. */
export class LinkedGuests implements AsyncDisposable {
  readonly #owned: AsyncDisposableStack;
  readonly #host: TestHost;
  readonly #addresses: Readonly<Record<Side, string>>;

  private constructor(owned: AsyncDisposableStack, host: TestHost, addresses: Readonly<Record<Side, string>>) {
    this.#owned = owned;
    this.#host = host;
    this.#addresses = addresses;
  }

  static async start(): Promise<LinkedGuests> {
    await using owned = new AsyncDisposableStack();
    const image = await debianImage("bookworm", ["systemd-sysv", "dbus", ...LINK_PACKAGES]);
    const lab = owned.use(await NetworkLab.make());
    await lab.forward(true);
    // A lab has no way to Debian's mirror: its daemon finds what one outside has fetched.
    const outside = owned.use(await TestHost.start());
    await allowTime(outside);
    await outside.ok(["kernel", "pull", GUESTS.right], { timeoutMs: SLOW_MS });
    const { stdout } = await exec(join(ROOT, "scripts", "make-generic-kernel.sh"), [], { maxBuffer: 2 ** 26 });
    await outside.ok(["kernel", "import", GUESTS.left, "--vmlinux", stdout.trim().split("\n").at(-1) ?? ""]);
    const pull = ["image", "pull", image, "--name", "debian", "--kernel-ref", GUESTS.right];
    await outside.ok(pull, { timeoutMs: SLOW_MS });
    await outside.ok(["daemon", "stop"]);
    const home = { HOME: outside.folder, XDG_RUNTIME_DIR: outside.folder };
    const host = owned.use(await TestHost.start(home, lab.onHost));
    const addresses: Record<Side, string> = { left: "", right: "" };
    for (const side of ["left", "right"] as const) {
      const shape = ["--memory", "768M", "--nat", "--allow-vms", "--kernel-ref", GUESTS[side], "--wait", "system"];
      await host.ok(["vm", "create", "--name", side, "--image", "debian", ...shape], { timeoutMs: SLOW_MS });
      const { network } = await host.json<{ network: { address: string } }>(["vm", "inspect", side]);
      addresses[side] = network.address.split("/")[0] ?? "";
    }
    return new LinkedGuests(owned.move(), host, addresses);
  }

  /** A guest's address, as the other one reaches it. */
  address(side: Side): string {
    return this.#addresses[side];
  }

  /** Runs a bash script in a guest that ends at its first failure; what it printed, trimmed. */
  async run(side: Side, script: string, input = ""): Promise<string> {
    const command = ["vm", "exec", side, "--", "bash", "-euo", "pipefail", "-c", script];
    const { code, signal, stdout, stderr } = await this.#host.banger(command, { input: Buffer.from(input) });
    if (code === 0) return stdout.toString("utf8").trim();
    throw new Error(
      `${side}: ${script}\nended with ${code ?? signal}\nstdout: ${stdout.toString("utf8")}\nstderr: ${stderr}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}
