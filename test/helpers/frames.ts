import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { runIn } from "./network-lab.ts";

const SCRIPT = join(import.meta.dirname, "frames.py");

/** A packet to send in a frame of its own. */
export interface Probe {
  readonly kind: "tcp" | "udp" | "ping" | "ping6" | "arp";
  readonly src: string;
  readonly dst: string;
  readonly port?: number;
  /** Cut in two, so that the second half names no port. */
  readonly fragments?: true;
}

/** What was answered: a connection, a refusal, a pong, an ARP reply; empty where nothing came. */
export type Answer = "accepted" | "refused" | "pong" | "is here" | "";

/** Sends packets out of a device, past all rules of the sender's own, to whoever has a MAC; what is answered to each. */
export async function probe<Name extends string>(
  where: readonly string[],
  device: string,
  mac: string,
  probes: Readonly<Record<Name, Probe>>,
): Promise<Record<Name, Answer>> {
  const list = Object.entries<Probe>(probes).map(([name, one]) => ({ name, ...one }));
  const said = await runIn(where, "python3", [SCRIPT, "probe", device, mac], JSON.stringify(list));
  return JSON.parse(said) as Record<Name, Answer>;
}

export interface Heard {
  readonly src: string;
  readonly dst: string;
  /** Destination port. */
  readonly to?: number;
}

/** What passes a device (`hear DEVICE`), or comes to a UDP port (`listen PORT`), while something is done. */
export async function heardWhile(
  where: readonly string[],
  ear: readonly ["hear" | "listen", string],
  work: () => Promise<unknown>,
): Promise<readonly Heard[]> {
  const [program = "", ...words]: readonly string[] = [...where, "python3", SCRIPT, ...ear];
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit");
  const heard: Heard[] = [];
  const lines = createInterface(child.stdout);
  const ready = once(lines, "line");
  await ready;
  lines.on("line", (line) => heard.push(JSON.parse(line) as Heard));
  try {
    await work();
  } finally {
    child.kill("SIGKILL");
    await exit;
  }
  return heard;
}

/** Sends a datagram to a group of hosts, or to all, by the interface that has an address. */
export async function shout(where: readonly string[], address: string, group: string): Promise<void> {
  await runIn(where, "python3", [SCRIPT, "shout", address, group]);
}

/** The MAC address of a device. */
export async function macAt(where: readonly string[], device: string): Promise<string> {
  const links = JSON.parse(await runIn(where, "ip", ["-json", "link", "show", "dev", device])) as { address: string }[];
  return links[0]?.address ?? "";
}
