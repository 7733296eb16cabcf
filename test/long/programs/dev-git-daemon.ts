import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createConnection, createServer } from "node:net";
import { setTimeout } from "node:timers/promises";

/** git's own server, for all repositories in a folder, on loopback. */
export async function startGitDaemon(folder: string): Promise<AsyncDisposable & { readonly port: number }> {
  const port = await freePort();
  const where = ["--listen=127.0.0.1", `--port=${port}`, `--base-path=${folder}`, "--export-all", "--reuseaddr"];
  const daemon = spawn("git", ["daemon", ...where], { stdio: "ignore", detached: true });
  for (let tries = 50; !(await answers(port)); tries -= 1) {
    if (tries === 0 || daemon.exitCode !== null) throw new Error("git daemon does not listen");
    await setTimeout(100);
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      const ended = once(daemon, "exit");
      // git starts its daemon as a process of its own.
      if (daemon.pid !== undefined) process.kill(-daemon.pid, "SIGTERM");
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function answers(port: number): Promise<boolean> {
  const socket = createConnection(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
