import { open, readFile } from "node:fs/promises";
import { asBangerError } from "../lib/errors.ts";
import { findExecutable } from "../lib/find-executable.ts";
import { installHint } from "../lib/install-hint.ts";
import { run, type RunOptions } from "../lib/process.ts";
import type { NetworkWays, WayFound } from "../model/network.ts";
import { foreignForwardDrop } from "./host/foreign-firewall.ts";
import { lookAtHost } from "./host/host-facts.ts";
import { tableName } from "./host/ruleset.ts";
import { holderWords } from "./namespace/namespace-plan.ts";
import { toolPath } from "./tool-path.ts";

/** Bit of CAP_NET_ADMIN in a set of capabilities (linux/capability.h). */
const CAP_NET_ADMIN = 12n;

const TUN = "/dev/net/tun";

export interface FindOptions {
  readonly instance: string;
  readonly searchPath: string | undefined;
  readonly signal?: AbortSignal;
  /** Kept by the caller from look to look: what was tried here once and worked is not tried again. */
  readonly tried: { namespaceWorks: boolean };
}

/** Looks which ways of making a network this host has, now: each of what it needs is tried, not guessed. */
export async function findWays(options: FindOptions): Promise<NetworkWays> {
  const [nftables, slirp4netns] = await Promise.all([
    findHostWay(options).catch(lookFailed(options.signal)),
    findNamespaceWay(options).catch(lookFailed(options.signal)),
  ]);
  return { nftables, slirp4netns, user: { usable: true, summary: "QEMU translates by itself" } };
}

/** A way that cannot even be looked at is not there, and keeps nobody from another. */
function lookFailed(signal: AbortSignal | undefined): (error: unknown) => WayFound {
  return (error) => {
    signal?.throwIfAborted();
    const { message, fix } = asBangerError(error);
    return { usable: false, summary: `looking at it failed: ${message}`, fix };
  };
}

/** On the host itself: TAP devices and nftables. */
async function findHostWay({ instance, searchPath, signal }: FindOptions): Promise<WayFound> {
  if (!(await hasNetAdmin())) {
    return { usable: false, summary: "bangerd does not run as root", fix: "sudo banger daemon start" };
  }
  const missing = await firstMissing(["ip", "nft"], searchPath);
  if (missing !== undefined) return missing;
  const tun = await tunObstacle();
  if (tun !== undefined) return tun;
  const { uplink, resolvers } = await lookAtHost(signal);
  if (uplink === undefined) return { usable: false, summary: "this host has no default route" };
  const forwarding = `net.ipv4.conf.${uplink.name}.forwarding`;
  const path = `/proc/sys/net/ipv4/conf/${uplink.name}/forwarding`;
  if ((await readFile(path, "utf8")).trim() !== "1") {
    return {
      usable: false,
      summary: `${uplink.name} does not forward`,
      fix: `sudo sysctl -w ${forwarding}=1`,
      undo: `sudo sysctl -w ${forwarding}=0`,
    };
  }
  const { stdout } = await run("nft", ["--json", "list", "chains"], options(signal));
  const foreign = foreignForwardDrop(stdout, tableName(instance));
  if (foreign !== undefined) return foreign;
  if (resolvers.length === 0) {
    return {
      usable: false,
      summary: "the host's only name server is on its loopback, where guests cannot ask it",
      fix: "name another one in /etc/resolv.conf",
    };
  }
  return { usable: true, summary: `TAP devices and nftables, out by ${uplink.name}` };
}

/** In a namespace of the VM's own. Its parts are tried together: what the kernel refuses here, it would refuse later. */
async function findNamespaceWay({ searchPath, signal, tried }: FindOptions): Promise<WayFound> {
  const missing = await firstMissing(["ip", "nft", "slirp4netns", "unshare", "nsenter"], searchPath);
  if (missing !== undefined) return missing;
  const tun = await tunObstacle();
  if (tun !== undefined) return tun;
  const obstacle = tried.namespaceWorks ? undefined : await tryNamespace(signal);
  if (obstacle !== undefined) return obstacle;
  tried.namespaceWorks = true;
  return { usable: true, summary: "a TAP device in a network namespace, joined to the outside by slirp4netns" };
}

interface Trial {
  readonly what: string;
  readonly command: readonly string[];
  readonly mend: Pick<WayFound, "fix" | "undo">;
}

const TRIALS: readonly Trial[] = [
  {
    what: "a namespace",
    command: ["true"],
    // What keeps users from namespaces of their own, on the distributions that do: Debian before 11, Ubuntu from 23.10.
    mend: {
      fix: "sudo sysctl -w kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0: whichever there is",
      undo: "the same with the other value",
    },
  },
  {
    what: "a TAP device in a namespace",
    command: ["ip", "tuntap", "add", "dev", "probe", "mode", "tap"],
    mend: { fix: "sudo modprobe tun", undo: "sudo modprobe -r tun" },
  },
  {
    what: "nftables in a namespace",
    command: ["nft", "add", "table", "inet", "probe"],
    mend: { fix: "sudo modprobe nf_tables", undo: "sudo modprobe -r nf_tables" },
  },
];

/** The first thing that cannot be made in a namespace here. */
async function tryNamespace(signal: AbortSignal | undefined): Promise<WayFound | undefined> {
  const [program = "", ...words] = holderWords(isRootless()).slice(0, -2);
  const results = await Promise.all(
    TRIALS.map(async ({ what, command, mend }): Promise<WayFound | undefined> => {
      try {
        await run(program, [...words, ...command], options(signal));
        return undefined;
      } catch (error) {
        signal?.throwIfAborted();
        const { why } = asBangerError(error);
        return { usable: false, summary: `${what} cannot be made: ${why ?? "it failed"}`, ...mend };
      }
    }),
  );
  return results.find((result) => result !== undefined);
}

/** Whether namespaces need one for users around them. */
export function isRootless(): boolean {
  return process.getuid?.() !== 0;
}

function options(signal: AbortSignal | undefined): RunOptions {
  return { env: { PATH: toolPath() }, ...(signal !== undefined && { signal }) };
}

async function hasNetAdmin(): Promise<boolean> {
  const status = await readFile("/proc/self/status", "utf8");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  return ((effective >> CAP_NET_ADMIN) & 1n) === 1n;
}

async function firstMissing(names: readonly string[], searchPath: string | undefined): Promise<WayFound | undefined> {
  for (const name of names) {
    if ((await findExecutable(name, toolPath(searchPath))) !== undefined) continue;
    return { usable: false, summary: `${name} is not in PATH`, fix: installHint(PACKAGES[name] ?? "iproute2") };
  }
  return undefined;
}

const PACKAGES: Readonly<Record<string, Parameters<typeof installHint>[0]>> = {
  ip: "iproute2",
  nft: "nftables",
  slirp4netns: "slirp4netns",
  unshare: "util-linux",
  nsenter: "util-linux",
};

/** Opens the device, which does nothing yet: permissions and device cgroups both speak up at that. */
async function tunObstacle(): Promise<WayFound | undefined> {
  try {
    await (await open(TUN, "r+")).close();
    return undefined;
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    return why === "ENOENT" || why === "ENODEV"
      ? { usable: false, summary: `there is no ${TUN}`, fix: "sudo modprobe tun", undo: "sudo modprobe -r tun" }
      : {
          usable: false,
          summary: `${TUN} cannot be opened (${why})`,
          fix: `sudo chmod a+rw ${TUN}`,
          undo: `sudo chmod go-rw ${TUN}`,
        };
  }
}
