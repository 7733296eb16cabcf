import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { applySteps, ipBatch } from "../../src/net/steps.ts";

const exec = promisify(execFile);

/** Addresses of the lab: those that documentation may use (RFC 5737), so that no mistake leaves this machine. */
export const LAB = {
  host: "198.51.100.1",
  outside: "203.0.113.1",
  metadata: "169.254.169.254",
  azure: "168.63.129.16",
  alibaba: "100.100.100.200",
  /** What the server says, wherever it listens, before the address that it was asked from. */
  port: 9000,
} as const;

/**
 * A host of its own in a network namespace, with an uplink to another namespace that is all of the outside: this machine's
 * own network is never touched. `/dev/net/tun` and `/etc/resolv.conf` are the lab's own.
 */
export class NetworkLab implements AsyncDisposable {
  /** Words that run a program on the lab's host. */
  readonly onHost: readonly string[];
  /** A process in the lab's host. */
  readonly hostPid: number;
  /** Words that run a program outside it. */
  readonly outside: readonly string[];
  readonly #processes: ChildProcess[];

  private constructor(processes: ChildProcess[]) {
    this.#processes = processes;
    const [host, outside] = processes;
    this.hostPid = host?.pid ?? 0;
    this.onHost = ["nsenter", `--target=${host?.pid}`, "--net", "--mount", "--"];
    this.outside = ["nsenter", `--target=${outside?.pid}`, "--net", "--"];
  }

  static async make(): Promise<NetworkLab> {
    const lab = new NetworkLab([await holder(["--net", "--mount"]), await holder(["--net"])]);
    const [, outside] = lab.#processes;
    await applySteps(
      [
        ipBatch([
          "link set lo up",
          `link add up0 type veth peer name out0 netns ${outside?.pid}`,
          `addr add ${LAB.host}/24 dev up0`,
          // IPv6 would be busy with itself for a second, and change what is compared.
          "link set up0 addrgenmode none mtu 1400 up",
          "route add default via 198.51.100.2",
        ]),
      ],
      { enter: lab.onHost },
    );
    const addresses = [LAB.outside, LAB.metadata, LAB.azure, LAB.alibaba, "203.0.113.53"];
    await applySteps(
      [
        ipBatch([
          "link set lo up",
          "addr add 198.51.100.2/24 dev out0",
          "link set out0 addrgenmode none up",
          ...addresses.map((address) => `addr add ${address}/32 dev lo`),
        ]),
      ],
      { enter: lab.outside },
    );
    await lab.host("mount", ["-t", "tmpfs", "none", "/mnt"]);
    await lab.host("mknod", ["-m", "666", "/mnt/tun", "c", "10", "200"]);
    await lab.host("mount", ["--bind", "/mnt/tun", "/dev/net/tun"]);
    await lab.host("tee", ["/mnt/resolv.conf"], "nameserver 127.0.0.53\nnameserver 203.0.113.53\n");
    await lab.host("mount", ["--bind", "/mnt/resolv.conf", "/etc/resolv.conf"]);
    return lab;
  }

  async forward(on: boolean): Promise<void> {
    await this.host("tee", ["/proc/sys/net/ipv4/conf/up0/forwarding"], on ? "1" : "0");
  }

  /** Gives the lab's host an ordinary user; only programs of the lab see it. */
  async addUser(uid: number): Promise<void> {
    const known = await readFile("/etc/passwd", "utf8");
    await this.host("tee", ["/mnt/passwd"], `${known}labuser:x:${uid}:${uid}::/nonexistent:/bin/sh\n`);
    await this.host("mount", ["--bind", "/mnt/passwd", "/etc/passwd"]);
  }

  /** Runs a program on the lab's host; what it printed. */
  async host(file: string, args: readonly string[], input = ""): Promise<string> {
    return runIn(this.onHost, file, args, input);
  }

  /** Starts a server that tells everyone from which address they came. */
  async serve(where: readonly string[], says: string, address = "0.0.0.0", port: number = LAB.port): Promise<void> {
    const script = join(import.meta.dirname, "address-server.ts");
    const [program = process.execPath, ...words] = where;
    const server = spawn(program, [...words, process.execPath, script, says, address, String(port)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#processes.push(server);
    await once(server.stdout, "data");
  }

  /** All that a network is made of here, as text: for comparison. */
  async state(): Promise<string> {
    const words: readonly (readonly [string, ...string[]])[] = [
      ["nft", "list", "ruleset"],
      ["ip", "-details", "link", "show"],
      ["ip", "address", "show"],
      ["ip", "rule", "show"],
      ["ip", "route", "show", "table", "all"],
      ["sysctl", "-a", "--pattern", "^net\\.(ipv4|ipv6|bridge|netfilter)"],
    ];
    const parts = await Promise.all(words.map(([file, ...args]) => this.host(file, args)));
    // What the kernel counts or measures by itself says nothing of who changed what.
    return parts.join("\n").replaceAll(/^.*(nf_conntrack_count|_lft |tcp_mem|udp_mem|fs\.|usage).*$/gm, "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }
}

/** Runs a program behind some words, with input; what it printed. */
export async function runIn(
  enter: readonly string[],
  file: string,
  args: readonly string[],
  input = "",
): Promise<string> {
  const words = [...enter, file, ...args];
  const running = exec(words[0] ?? file, words.slice(1), { maxBuffer: 2 ** 26 });
  running.child.stdin?.on("error", () => {}); // It may end without having read it.
  running.child.stdin?.end(input);
  return (await running).stdout;
}

/** A process that keeps new namespaces alive; it says so when they are there. */
export async function holder(namespaces: readonly string[]): Promise<ChildProcess> {
  const child = spawn("unshare", [...namespaces, "--", "cat"], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.write("there\n");
  await once(child.stdout, "data");
  return child;
}

/** Why a lab cannot be had; undefined where it can. */
export async function whyNoLab(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "only root makes network namespaces with devices between them";
  const tun = await readFile("/proc/misc", "utf8");
  return tun.includes(" tun") ? undefined : "this kernel has no TUN/TAP devices";
}
