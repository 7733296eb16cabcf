import { createClient, type Client } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import type { Duplex } from "node:stream";
import { untilAborted, withDeadline } from "../lib/deadline.ts";
import { BangerError } from "../lib/errors.ts";
import { agentError, guestText } from "./agent-errors.ts";
import { adjustClock, type ClockAdjustment, type GuestClock } from "./agent-clock.ts";
import { agentFiles, type AgentFiles } from "./agent-files.ts";
import { startExec, type AgentExec, type ExecSpec } from "./agent-exec.ts";
import { openForward, type ForwardTarget } from "./agent-forward.ts";
import {
  awaitServiceLine,
  readServiceLog,
  startService,
  watchService,
  type SupervisedCommand,
} from "./agent-service.ts";
import { checkHostKey, type AgentInfo } from "./agent-info.ts";
import { agentSessions, type AgentSessions } from "./agent-sessions.ts";
import { readStats, type AgentStats } from "./agent-stats.ts";
import { authenticate, type BootSecret, type SecretHolder } from "./agent-secret.ts";
import { agentSession, type AgentLineSession, type Patience } from "./agent-session.ts";
import { setWorld, WORLD_AWAITED, WORLD_MS } from "./agent-world.ts";
import type { Dial } from "./dial.ts";
import { nameOperation, type OperationNow } from "./name-operation.ts";
import type { ServiceStatus } from "../model/service.ts";
import type { GuestWorld } from "../model/world.ts";
import { AgentService, ShutdownMode } from "./gen/banger/agent/v1/agent_pb.ts";
import { FilesService } from "./gen/banger/agent/v1/files_pb.ts";
import { SessionsService } from "./gen/banger/agent/v1/sessions_pb.ts";

export type { ClockAdjustment, GuestClock } from "./agent-clock.ts";
export type { GuestPlace } from "./agent-file-info.ts";
export type { AgentFiles } from "./agent-files.ts";
export type { AgentExec, ExecExit, ExecSpec } from "./agent-exec.ts";
export type { ForwardTarget } from "./agent-forward.ts";
export type { AgentStats } from "./agent-stats.ts";
export type { SupervisedCommand } from "./agent-service.ts";
export type { AgentAttachment, AttachEvent } from "./agent-attachment.ts";
export type { SessionPiece } from "./agent-session-info.ts";
export { SEND_BYTES, type AgentSessions } from "./agent-sessions.ts";

/** What a guest is told of itself. */
export interface GuestIdentity {
  readonly hostname: string;
  readonly authorizedKeys: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly dns: readonly string[];
  /** On which it shall offer the TCP ports of the same numbers on its loopback. */
  readonly vsockPorts: readonly number[];
}

/** The agent of one guest, over one connection; any number of calls at once. What it says is hostile: bounded, typed. */
export interface AgentClient extends SecretHolder {
  /** Whether the connection is gone: then every call fails, and another client is needed. */
  readonly closed: boolean;
  info(signal: AbortSignal): Promise<AgentInfo>;
  /** @returns what the guest could not do of it, and why. */
  configure(identity: GuestIdentity, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Gives the guest what its host lives with, in place of what it was given before. Ability `world`.
   *
   * @returns what the guest could not take, a sentence each.
   */
  setWorld(world: GuestWorld, signal: AbortSignal): Promise<readonly string[]>;
  exec(spec: ExecSpec, options: { readonly signal: AbortSignal }): Promise<AgentExec>;
  forward(target: ForwardTarget, signal: AbortSignal): Promise<Duplex>;
  stats(signal: AbortSignal): Promise<AgentStats>;
  /** Tells how the guest's clock stands, and turns it. Needs the ability `clock`. */
  adjustClock(adjustment: ClockAdjustment, signal: AbortSignal): Promise<GuestClock>;
  /** Asks the guest to go down; resolves when it has taken the request. */
  shutdown(signal: AbortSignal): Promise<void>;
  /** Grows the root file system to its disk. */
  growRoot(signal: AbortSignal): Promise<void>;
  /** Has a command kept running; the same one again changes nothing. */
  startService(command: SupervisedCommand, signal: AbortSignal): Promise<void>;
  /** How that command does, now and on every change. Before one was started nothing comes. */
  watchService(signal: AbortSignal): AsyncGenerator<ServiceStatus>;
  readServiceLog(follow: boolean, signal: AbortSignal): AsyncGenerator<Uint8Array>;
  /** Resolves when it has printed a line in this boot that matches, as RE2 has patterns. */
  awaitServiceLine(pattern: string, signal: AbortSignal): Promise<string>;
  /** The guest's files. */
  readonly files: AgentFiles;
  /** The guest's sessions. Ability `sessions`. */
  readonly sessions: AgentSessions;
  /** While a guest is kept still on purpose, its silence is not taken for its end. */
  keepStill(isStill: boolean): void;
  /** Resolves once the guest's agent has answered; costs it next to nothing. */
  ping(signal: AbortSignal): Promise<void>;
  close(): void;
}

export interface ConnectOptions {
  readonly dial: Dial;
  readonly patience?: Patience;
  /** What both ends are to show; absent: neither has to. */
  readonly secret?: BootSecret | undefined;
  /** Absent: calls name no operation. */
  readonly operationNow?: OperationNow;
  /** Ends the trying; once connected it changes nothing. */
  readonly signal: AbortSignal;
}

/** Largest message from the guest. Output comes in pieces far smaller. */
const MAX_MESSAGE_BYTES = 4 * 1024 ** 2;
const CALL_MS = 30_000;
const MAX_WARNINGS = 16;
/** Between two attempts, where the line itself does not wait for a guest that is still booting. */
const RETRY_MS = 50;

/**
 * Connects to an agent, and tries again until the signal aborts: a guest that boots has none yet.
 *
 * @throws BangerError the signal's reason.
 */
export async function connectAgent(options: ConnectOptions): Promise<AgentClient> {
  const { dial, signal, secret } = options;
  for (;;) {
    signal.throwIfAborted();
    try {
      const client = agentOver(await dial(signal), options);
      try {
        const info = await withDeadline(signal, CALL_MS, "the agent's first answer", (within) => client.info(within));
        if (secret !== undefined) await authenticate(client, info, secret, signal);
        return client;
      } catch (error) {
        client.close();
        throw error;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BangerError && error.code === "AGENT_PROTOCOL") throw error;
      await untilAborted(new Promise((resolve) => setTimeout(resolve, RETRY_MS)), signal);
    }
  }
}

/** Speaks to an agent over a stream that has just been opened. */
export function agentOver(
  stream: Duplex,
  { patience, operationNow = () => undefined }: Pick<ConnectOptions, "patience" | "operationNow"> = {},
): AgentClient {
  const session = agentSession(stream, patience);
  const transport = createConnectTransport({
    baseUrl: "http://agent.banger",
    httpVersion: "2",
    sessionManager: session.manager,
    readMaxBytes: MAX_MESSAGE_BYTES,
    useBinaryFormat: true,
    interceptors: [nameOperation(operationNow)],
  });
  const client = createClient(AgentService, transport);
  return clientOf(
    { agent: client, files: createClient(FilesService, transport), sessions: createClient(SessionsService, transport) },
    stream,
    session,
  );
}

/** The contract's services, over one connection. */
interface Services {
  readonly agent: Client<typeof AgentService>;
  readonly files: Client<typeof FilesService>;
  readonly sessions: Client<typeof SessionsService>;
}

function clientOf(
  { agent: client, files, sessions }: Services,
  stream: Duplex,
  session: Pick<AgentLineSession, "keepStill" | "ping">,
): AgentClient {
  /** One bounded call. */
  const call = async <T>(
    signal: AbortSignal,
    awaited: string,
    work: (within: AbortSignal) => Promise<T>,
    limitMs = CALL_MS,
  ): Promise<T> => {
    checkOpen(stream);
    return withDeadline(signal, limitMs, awaited, async (within) => {
      try {
        return await work(within);
      } catch (error) {
        throw agentError(error, within);
      }
    });
  };
  return {
    get closed() {
      return stream.destroyed;
    },
    info: (signal) =>
      call(signal, "the agent's answer", async (within) => {
        const said = await client.info({}, { signal: within });
        const { version, abilities, bootId, kernelRelease, configured, challenge, hasSecret } = said;
        const sshHostKey = checkHostKey(said.sshHostKey);
        return { version, abilities, bootId, kernelRelease, configured, sshHostKey, challenge, hasSecret };
      }),
    authenticate: (request, signal) =>
      call(signal, "the agent to show who it is", async (within) => {
        const { proof } = await client.authenticate(request, { signal: within });
        return proof;
      }),
    configure: (identity, signal) =>
      call(signal, "the guest to take its name", async (within) => {
        const { hostname, authorizedKeys, env, dns, vsockPorts } = identity;
        const wallClockNs = BigInt(Date.now()) * 1_000_000n;
        const { warnings } = await client.configure(
          {
            hostname,
            authorizedKeys: [...authorizedKeys],
            env: { ...env },
            dnsServers: [...dns],
            wallClockNs,
            vsockPorts: [...vsockPorts],
          },
          { signal: within },
        );
        return warnings.slice(0, MAX_WARNINGS).map((text) => guestText(text));
      }),
    setWorld: (world, signal) => call(signal, WORLD_AWAITED, (within) => setWorld(client, world, within), WORLD_MS),
    exec(spec, { signal }) {
      checkOpen(stream);
      return startExec(client, spec, signal);
    },
    forward(target, signal) {
      checkOpen(stream);
      return openForward(client, target, signal);
    },
    stats: (signal) => call(signal, "the guest's figures", (within) => readStats(client, within)),
    adjustClock: (adjustment, signal) =>
      call(signal, "the guest's clock", (within) => adjustClock(client, adjustment, within)),
    shutdown: (signal) =>
      call(signal, "the guest to go down", async (within) => {
        await client.shutdown({ mode: ShutdownMode.POWEROFF }, { signal: within });
      }),
    growRoot: (signal) =>
      call(signal, "the root file system to grow", async (within) => {
        await client.resize({}, { signal: within });
      }),
    startService: (command, signal) =>
      call(signal, "the guest to start its service", (within) => startService(client, command, within)),
    watchService(signal) {
      checkOpen(stream);
      return watchService(client, signal);
    },
    readServiceLog(follow, signal) {
      checkOpen(stream);
      return readServiceLog(client, follow, signal);
    },
    awaitServiceLine(pattern, signal) {
      checkOpen(stream);
      return awaitServiceLine(client, pattern, signal);
    },
    get files() {
      checkOpen(stream);
      return agentFiles(files, call);
    },
    get sessions() {
      checkOpen(stream);
      return agentSessions(sessions, call);
    },
    keepStill: (isStill) => session.keepStill(isStill),
    ping: (signal) => session.ping(signal),
    close: () => void stream.destroy(),
  };
}

function checkOpen(stream: Duplex): void {
  if (!stream.destroyed) return;
  throw new BangerError("AGENT_UNREACHABLE", {
    what: "the connection to the VM's agent is gone",
    fix: "try again",
  });
}
