import type { ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAgent, type AgentClient } from "../agent-client.ts";
import { connectSocket } from "../dial.ts";
import { AgentService } from "../gen/banger/agent/v1/agent_pb.ts";
import { SessionsService } from "../gen/banger/agent/v1/sessions_pb.ts";

/** An agent that answers as a test wants: anything that the protocol's messages can hold. */
export interface LyingAgent extends AsyncDisposable {
  /** Of the socket that it listens on. */
  readonly path: string;
  connect(): Promise<AgentClient>;
}

/** @param lies what it answers; `info` is answered well unless it is among them. @param ofSessions the same of sessions. */
export async function lyingAgent(
  lies: Partial<ServiceImpl<typeof AgentService>>,
  ofSessions: Partial<ServiceImpl<typeof SessionsService>> = {},
): Promise<LyingAgent> {
  const folder = await mkdtemp(join(tmpdir(), "lying-"));
  const path = join(folder, "agent.sock");
  const info = () => ({ version: "0", abilities: [], bootId: "b", kernelRelease: "6", sshHostKey: "ssh-ed25519 AAAA" });
  const server = createServer(
    connectNodeAdapter({
      routes: (router) => void router.service(AgentService, { info, ...lies }).service(SessionsService, ofSessions),
    }),
  );
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  server.listen(path);
  await once(server, "listening");
  return {
    path,
    connect: () => connectAgent({ dial: (signal) => connectSocket(path, signal), signal: AbortSignal.timeout(10_000) }),
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
