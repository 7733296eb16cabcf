import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Duplex } from "node:stream";
import { run } from "../lib/process.ts";
import { connectAgent, type AgentClient } from "./agent-client.ts";
import { connectSocket, dialVirtioSerial, type Dial } from "./dial.ts";

const AGENT_MODULE = join(import.meta.dirname, "../../agent");

/** The real agent, built from this tree, running on this host with a line that a test can break. */
export interface AgentUnderTest extends AsyncDisposable {
  /** Its log is its stderr, which is shown besides. */
  readonly process: ChildProcess;
  readonly socketPath: string;
  readonly dial: Dial;
  connect(signal?: AbortSignal): Promise<AgentClient>;
}

const BINARY = join(import.meta.dirname, "../../build/test/banger-vsock-agent");

/**
 * Builds the agent of this tree. It is one file for all tests, since linking takes seconds: Go leaves it as it is where
 * nothing has changed, and else renames a new one to its place. flock(1) has them take turns.
 */
export async function buildAgent(): Promise<string> {
  await mkdir(dirname(BINARY), { recursive: true });
  const go = ["go", "build", "-trimpath", "-o", BINARY, "./cmd/banger-vsock-agent"];
  await run("flock", [`${BINARY}.lock`, ...go], { cwd: AGENT_MODULE, env: { CGO_ENABLED: "0" } });
  return BINARY;
}

export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "banger-guest-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** An agent on a plain unix socket, as it is on vsock. */
export async function agentOnSocket(
  binary: string,
  folder: string,
  flags: readonly string[] = [],
): Promise<AgentUnderTest> {
  const path = join(folder, `agent-${process.hrtime.bigint()}.sock`);
  const child = spawn(binary, ["serve", "--listen-unix", path, "--host-key", join(folder, "host-key"), ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  await once(child.stdout, "data");
  return underTest(
    child,
    path,
    (signal) => connectSocket(path, signal),
    async () => {},
  );
}

/**
 * An agent on something like QEMU's virtio-serial port: one stream to the agent that outlives its hosts, and a socket
 * that serves one host at a time and drops what comes for nobody.
 */
export async function agentOnSerialPort(binary: string, folder: string): Promise<AgentUnderTest> {
  const path = join(folder, `port-${process.hrtime.bigint()}.sock`);
  const child = spawn(binary, ["serve", "--serial-fd", "3", "--host-key", join(folder, "host-key")], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const port = child.stdio[3] as Duplex | null;
  port?.on("error", () => {});
  if (port === null || child.stdout === null) throw new Error("the agent got no port");
  let turn = Promise.resolve();
  const server = createServer((host) => {
    host.on("error", () => {});
    // The next host waits until this one has hung up, as in the backlog of QEMU's socket.
    turn = turn.then(() => carry(host, port));
  });
  server.listen(path);
  await Promise.all([once(child.stdout, "data"), once(server, "listening")]);
  return underTest(
    child,
    path,
    (signal) => dialVirtioSerial(path, signal),
    () => server.close(),
  );
}

/** Carries bytes while the host is there, and leaves the port open after it. */
async function carry(host: Socket, port: Duplex): Promise<void> {
  if (host.destroyed) return;
  const toHost = (chunk: Buffer): void => {
    if (!host.write(chunk)) port.pause();
  };
  const resumeHost = (): void => void host.resume();
  port.on("data", toHost).on("drain", resumeHost);
  host.on("drain", () => port.resume());
  host.on("data", (chunk: Buffer) => {
    if (!port.write(chunk)) host.pause();
  });
  await new Promise<void>((resolve) => host.once("close", () => resolve()));
  port.off("data", toHost).off("drain", resumeHost).resume();
}

function underTest(child: ChildProcess, socketPath: string, dial: Dial, close: () => unknown): AgentUnderTest {
  const exited = once(child, "exit");
  child.stderr?.on("data", (chunk: Buffer) => process.stderr.write(chunk));
  return {
    process: child,
    socketPath,
    dial,
    connect: (signal = AbortSignal.timeout(10_000)) => connectAgent({ dial, signal }),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
      close();
    },
  };
}
