import { once } from "node:events";
import { watch } from "node:fs";
import { access, mkdtemp } from "node:fs/promises";
import { createConnection, createServer, type Socket } from "node:net";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { spawnChained } from "./spawn-chained.ts";

/** rust-vmm's vsock device for QEMU, whose socket speaks as Firecracker's does; scripts/make-vhost-device-vsock.sh builds it. */
export function vhostDeviceVsock(env: NodeJS.ProcessEnv): string {
  const cache = env["XDG_CACHE_HOME"] ?? join(env["HOME"] ?? homedir(), ".cache");
  return join(cache, "banger/tools/vhost-device-vsock-0.3.0/bin/vhost-device-vsock");
}

const SHORTEST_REQUEST = "CONNECT 0\n".length;
const LONGEST_REQUEST = 32;
/** How long Firecracker waits for the rest of a request. */
const REQUEST_MS = 2_000;

/** The socket by which programs of the host reach the guest's vsock. */
export interface VsockFront {
  /** Starts the device for QEMU; resolves to the socket where it serves QEMU. */
  serve(cid: number): Promise<string>;
  /**
   * To be called when the guest's driver is up: from then on connections are answered, as by Firecracker, and the device
   * takes them. A thread of its own ends for good when one comes while its rings are being set up.
   */
  open(): void;
  /** While the machine is paused nobody answers. */
  pause(): void;
  resume(): void;
}

/**
 * Binds the socket, as Firecracker does when it is told of it; it is never removed again.
 *
 * @throws Error `EADDRINUSE` when something stands there.
 */
export async function listenVsock(udsPath: string, env: NodeJS.ProcessEnv): Promise<VsockFront> {
  let running = Promise.withResolvers<string>();
  let inner = "";
  const joined = new Set<Joined>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    void running.promise.then((path) => answerVsock(socket, path, joined, () => running.promise));
  });
  server.listen(udsPath);
  await once(server, "listening");
  return {
    async serve(cid) {
      const folder = await mkdtemp(join(dirname(udsPath), ".si-"));
      inner = join(folder, "v");
      const forQemu = join(folder, "q");
      const device = ["--guest-cid", String(cid), "--uds-path", inner, "--socket", forQemu];
      spawnChained(vhostDeviceVsock(env), device, ["ignore", "ignore", "inherit"]);
      await appears(forQemu);
      return forQemu;
    },
    open: () => running.resolve(inner),
    pause() {
      running = Promise.withResolvers();
      for (const { socket, onward } of joined) {
        socket.unpipe(onward);
        socket.pause();
      }
    },
    resume() {
      running.resolve(inner);
      for (const { socket, onward } of joined) socket.pipe(onward);
    },
  };
}

interface Joined {
  readonly socket: Socket;
  readonly onward: Socket;
}

/**
 * Reads `CONNECT port`, which must come whole at once, and hands the connection on. What the host does to it while the
 * machine is paused, its end too, reaches the device when the machine goes on.
 */
export function answerVsock(
  socket: Socket,
  inner: string,
  joined: Set<Joined> = new Set(),
  whenRunning: () => Promise<unknown> = () => Promise.resolve(),
): void {
  const timer = setTimeout(() => socket.destroy(), REQUEST_MS);
  socket.once("data", (chunk: Buffer) => {
    clearTimeout(timer);
    const end = chunk.indexOf("\n") + 1;
    const request = chunk.subarray(0, end).toString("latin1");
    const port = /^CONNECT (\d{1,10})\s*\n$/i.exec(request)?.[1];
    if (port === undefined || end < SHORTEST_REQUEST || end > LONGEST_REQUEST) {
      socket.destroy();
      return;
    }
    socket.pause();
    const onward = createConnection({ path: inner, allowHalfOpen: true });
    const pair = { socket, onward };
    joined.add(pair);
    onward.on("error", () => socket.destroy());
    onward.on("close", () => socket.destroy());
    socket.on("close", () => {
      joined.delete(pair);
      void whenRunning().then(() => onward.destroy());
    });
    onward.write(`CONNECT ${port}\n`);
    if (end < chunk.length) onward.write(chunk.subarray(end));
    socket.pipe(onward);
    onward.pipe(socket);
  });
}

/** Resolves when there is something at a path. */
export async function appears(path: string): Promise<void> {
  const ended = new AbortController();
  const watcher = watch(dirname(path), { signal: ended.signal });
  try {
    for (;;) {
      const changed = once(watcher, "change", { signal: ended.signal });
      changed.catch(() => {});
      if (
        await access(path).then(
          () => true,
          () => false,
        )
      )
        return;
      await changed;
    }
  } finally {
    ended.abort();
  }
}
