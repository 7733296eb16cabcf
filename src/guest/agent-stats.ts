import type { Client } from "@connectrpc/connect";
import { agentProtocol } from "./agent-errors.ts";
import type { AgentService } from "./gen/banger/agent/v1/agent_pb.ts";

export interface AgentStats {
  readonly uptimeMs: number;
  readonly memoryTotalBytes: number;
  readonly memoryAvailableBytes: number;
  /** Time that all processors together were at work since boot. */
  readonly cpuMs: number;
  readonly load1: number;
  readonly processes: number;
}

/** What a guest uses just now. @throws BangerError `AGENT_PROTOCOL` for figures that are none. */
export async function readStats(client: Client<typeof AgentService>, signal: AbortSignal): Promise<AgentStats> {
  const { uptimeMs, memory, cpu, load, processes } = await client.stats({}, { signal });
  return checkFigures({
    uptimeMs: Number(uptimeMs),
    memoryTotalBytes: Number(memory?.totalBytes ?? 0),
    memoryAvailableBytes: Number(memory?.availableBytes ?? 0),
    cpuMs: Number((cpu?.userMs ?? 0n) + (cpu?.systemMs ?? 0n)),
    load1: load?.one ?? 0,
    processes,
  });
}

/** Figures that a guest makes up may be none: JSON cannot even write all of them. */
function checkFigures(stats: AgentStats): AgentStats {
  for (const [name, figure] of Object.entries(stats) as [string, number][]) {
    if (!Number.isFinite(figure) || figure < 0) throw agentProtocol(`${name} is ${figure}`);
  }
  return stats;
}
