import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { applySteps, ipBatch } from "../../src/net/steps.ts";
import { holder } from "./network-lab.ts";

export interface GuestAddresses {
  /** With its prefix length. */
  readonly address: string;
  readonly gateway: string;
  readonly mac: string;
}

/** A network namespace that plays the guest at a VM's TAP device: all of a VM that walls are built against, in no time. */
export class TapGuest implements AsyncDisposable {
  /** Words that run a program in the guest. */
  readonly inside: readonly string[];
  readonly #processes: readonly ChildProcess[];

  private constructor(inside: readonly string[], processes: readonly ChildProcess[]) {
    this.inside = inside;
    this.#processes = processes;
  }

  /** @param at a process in whose network namespace the device is. */
  static async plug(at: number, device: string, { address, gateway, mac }: GuestAddresses): Promise<TapGuest> {
    const guest = await holder(["--net"]);
    const script = join(import.meta.dirname, "tap-cable.py");
    const words = [script, String(at), device, String(guest.pid), "eth0"];
    const cable = spawn("python3", words, { stdio: ["ignore", "pipe", "inherit"] });
    await once(cable.stdout, "data");
    const inside = ["nsenter", `--target=${guest.pid}`, "--net", "--"];
    const lines = [
      "link set lo up",
      // IPv6 would be busy with itself for a second.
      `link set eth0 address ${mac} addrgenmode none mtu 1400 up`,
      `addr add ${address} dev eth0`,
      `route add default via ${gateway}`,
    ];
    await applySteps([ipBatch(lines)], { enter: inside });
    return new TapGuest(inside, [cable, guest]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }
}
