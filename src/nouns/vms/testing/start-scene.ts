import type { ServiceImpl } from "@connectrpc/connect";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createConnection, createServer, type Socket } from "node:net";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { putRow } from "../../../core/testing/put-row.ts";
import { configSchema } from "../../../model/config.ts";
import type { Vm } from "../../../model/vm.ts";
import type { AgentService } from "../../../guest/gen/banger/agent/v1/agent_pb.ts";
import { lyingAgent } from "../../../guest/testing/lying-agent.ts";
import type { Driver, Machine } from "../../../vmm/driver.ts";
import type { VmContext } from "../vm-context.ts";
import { machineOf, vmScene } from "./vm-scene.ts";

/** Seconds that a start may take here. */
export const START_LIMIT = 1;

export interface StartScene {
  readonly context: VmContext;
  /** The VM, off. */
  readonly vm: Vm;
  /** Ends the VMM, and the line to the guest with it, as a kill from outside does. */
  readonly kill: () => void;
}

/** A VM that is off, and a VMM that starts as it is told, with an agent in its guest that answers as it is told. */
export async function startScene(
  t: TestContext,
  lies: Partial<ServiceImpl<typeof AgentService>>,
  start?: Driver["start"],
): Promise<StartScene> {
  const { context, vm: running, runDir } = await vmScene(t);
  const { layout, store } = context;
  const agent = await lyingAgent({ configure: () => ({}), resize: () => ({}), startService: () => ({}), ...lies });
  await mkdir(dirname(layout.sshKey), { recursive: true });
  await writeFile(layout.sshKey, "");
  await writeFile(`${layout.sshKey}.pub`, "ssh-ed25519 AAAA banger\n");
  await mkdir(join(layout.vmsDir, running.id), { recursive: true });

  const { machine: record, ...rest } = running;
  const vm: Vm = { ...rest, state: "stopped" };
  putRow(store, "vms", vm);
  const socketPath = join(runDir, "vsock.sock");
  const line = { kind: "firecracker-vsock", socketPath, port: 52 } as const;
  const made = record === undefined ? undefined : { ...record, line };
  const lines = new Set<Socket>();
  const server = createServer((host) => void connectGuest(host, agent.path, lines));
  const kills: (() => void)[] = [];
  const kill = (): void => {
    for (const end of kills) end();
    for (const socket of lines) socket.destroy();
  };
  t.after(async () => {
    kill();
    server.close();
    await agent[Symbol.asyncDispose]();
  });
  const startMachine: Driver["start"] = async () => {
    server.listen(socketPath);
    await once(server, "listening");
    const verbs: Partial<Machine> = { line, kill: () => Promise.resolve(kill()) };
    const { live, exit } = machineOf({ ...vm, machine: made }, verbs);
    kills.push(() => exit.resolve({ clean: false, by: "vmm", reason: "QEMU was killed by SIGKILL" }));
    return live.machine;
  };
  const driver = {
    name: "qemu",
    start: start ?? startMachine,
  } as unknown as Driver;
  Object.assign(context, {
    config: configSchema.parse({ vm: { start_timeout: START_LIMIT } }),
    kernels: { bootable: async () => ({ path: "/k", format: "bzImage", microvm: true }) },
    drivers: { of: async () => driver, all: async () => [driver], explain: async () => ({ vmm: "qemu", reason: "" }) },
    networks: { ...context.networks, raise: async (each: Vm) => ({ network: each.network }) },
  });
  return { context, vm, kill };
}

/** Joins a host's connection with the agent, as Firecracker does when it is asked to (docs/vsock.md there). */
async function connectGuest(host: Socket, path: string, lines: Set<Socket>): Promise<void> {
  const guest = createConnection(path);
  for (const socket of [host, guest]) {
    lines.add(socket);
    socket.on("error", () => {});
  }
  host.once("close", () => guest.destroy());
  guest.once("close", () => host.destroy());
  await once(host, "data");
  host.write("OK 1024\n");
  host.pipe(guest).pipe(host);
}
