import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { debianSource } from "./demo/debian-source.ts";
import { DemoTerminal } from "./demo/terminal.ts";

const BANGER = join(import.meta.dirname, "../build/bin/banger");

/** A Debian from a registry: to a shell in it, and away again. */
async function debianInAVm(terminal: DemoTerminal): Promise<void> {
  await using debian = await debianSource();
  terminal.say(debian.about);
  await terminal.type(["banger", "image", "pull", debian.reference, "--name", "debian"]);
  await terminal.type(["banger", "vm", "create", "--name", "demo", "--image", "debian", "--nat"]);
  const questions = "id; uname -r; cat /etc/os-release";
  const answers = [/^uid=0\(root\)/m, /^\d+\.\d+\.\d+/m, /^VERSION_ID="12"$/m];
  if (debian.systemd) {
    const asked = `${questions}; systemctl is-active banger-vsock-agent`;
    await terminal.type(["banger", "vm", "ssh", "demo", "--", asked], { output: [...answers, /^active$/m] });
  } else {
    await terminal.type(["banger", "vm", "ssh", "demo", "--", questions], { output: answers });
    terminal.say("this image has no systemd: the agent is its init, and answers for itself");
    await terminal.type(["banger", "vm", "stats", "demo"]);
  }
  await terminal.type(["banger", "vm", "stop", "demo"]);
  await terminal.type(["banger", "vm", "delete", "demo"]);
}

/** An image of one program: what needs neither init, nor sshd, nor network in the guest. */
async function busyboxInAVm(terminal: DemoTerminal, scratch: string): Promise<void> {
  const layout = join(scratch, "busybox-image");
  execFileSync(join(import.meta.dirname, "make-busybox-image.sh"), [layout]);
  terminal.say("the same for an image that holds nothing but busybox: no init, no sshd, and no network");
  await terminal.type(["banger", "image", "pull", `oci:${layout}`, "--name", "busybox"]);
  await terminal.type(["banger", "vm", "create", "--name", "tiny", "--image", "busybox"]);
  await terminal.type(["banger", "vm", "ssh", "tiny", "--", "id; uname -r"], { output: [/^uid=0\(root\)/m] });
  await terminal.type(["banger", "vm", "exec", "tiny", "--", "ls", "/bin/busybox"], { output: [/^\/bin\/busybox$/m] });
  await terminal.type(["banger", "vm", "exec", "tiny", "--", "sh", "-c", "exit 7"], { exit: 7 });
  await terminal.type(["banger", "vm", "stop", "tiny"]);
  await terminal.type(["banger", "vm", "delete", "tiny"]);
}

/** A home of the demo's own, so that it touches nothing of the user's but the cache of downloads. */
function environment(home: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    HOME: home,
    XDG_CONFIG_HOME: join(home, "config"),
    XDG_DATA_HOME: join(home, "data"),
    XDG_STATE_HOME: join(home, "state"),
    XDG_RUNTIME_DIR: home,
    XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
  };
}

/** What a demo that failed may have left. */
function cleanUp(env: NodeJS.ProcessEnv): void {
  for (const vm of ["demo", "tiny"]) spawnSync(BANGER, ["vm", "delete", "--force", vm], { env });
  spawnSync(BANGER, ["daemon", "stop"], { env });
}

async function main(): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), "banger-demo-"));
  const env = environment(home);
  const terminal = new DemoTerminal(env, { banger: BANGER });
  // Ctrl-C ends the command that runs; the demo fails there and cleans up.
  process.on("SIGINT", () => {});
  try {
    await terminal.type(["banger", "doctor"]);
    await terminal.type(["banger", "kernel", "pull", "debian-cloud"]);
    await debianInAVm(terminal);
    await busyboxInAVm(terminal, home);
    await terminal.type(["banger", "daemon", "stop"]);
    terminal.say("all of it was as expected; nothing is left but the downloads in ~/.cache/banger");
  } catch (error) {
    console.error(`\ndemo: ${error instanceof Error ? error.message : String(error)}; the end of the daemon's log:`);
    await terminal.type(["banger", "daemon", "logs", "--lines", "30"]).catch(() => {});
    cleanUp(env);
    process.exitCode = 1;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

await main();
