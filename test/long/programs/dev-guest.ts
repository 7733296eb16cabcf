import { join } from "node:path";
import { ROOT } from "../../helpers/test-host.ts";
import { ProgramGuest, type ProgramKernel } from "./program-guest.ts";

/** What developers have on a machine of theirs. There is no SSH server among it, and no server for SFTP. */
const PACKAGES = `python3 python3-pip python3-venv python3-dev python3-apt gcc libc6-dev make nodejs cargo golang-go
  git rsync tmux vim gdb strace linux-perf procps`.split(/\s+/);

export type DevInit = "systemd" | "agent";

/** A VM with developers' tools, which reaches its host's loopback at the gateway. */
export function devGuest(kernel: ProgramKernel, init: DevInit): Promise<ProgramGuest> {
  const options = ["--init", init, "--nat", "--allow-host"];
  return ProgramGuest.start({ kernel, packages: PACKAGES, memory: "2G", options });
}

/** Where a guest finds its host's loopback. */
export async function gatewayOf({ host, name }: ProgramGuest): Promise<string> {
  const { network } = await host.json<{ network: { gateway: string } }>(["vm", "inspect", name]);
  return network.gateway;
}

/** Copies a folder of this host into the guest, by tar over `vm exec`. */
export async function putTree({ host, name }: ProgramGuest, from: string, to: string): Promise<void> {
  const script = `set -euo pipefail; tar -C "$1" -cf - . | "$2" vm exec ${name} -- sh -c 'mkdir -p "$0" && tar -C "$0" -xf -' "$3"`;
  const banger = join(ROOT, "build/bin/banger");
  const { code, stderr } = await host.run("bash", ["-c", script, "bash", from, banger, to]);
  if (code !== 0) throw new Error(`${from} did not get into the guest: ${stderr}`);
}

/** Keeps what `vm ssh-config` prints, as its help says. @returns the file's path, for `ssh -F`. */
export async function sshConfig({ host, name }: ProgramGuest): Promise<string> {
  const path = join(host.folder, "ssh.conf");
  const banger = join(ROOT, "build/bin/banger");
  const { code, stderr } = await host.run("sh", ["-c", `"$0" vm ssh-config ${name} >"$1"`, banger, path]);
  if (code !== 0) throw new Error(stderr);
  return path;
}
