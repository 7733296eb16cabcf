import type { Client } from "@connectrpc/connect";
import type { AgentService } from "./gen/banger/agent/v1/agent_pb.ts";

/** What is done to a guest's clock: see AdjustClockRequest of agent.proto. */
export interface ClockAdjustment {
  readonly stepMs: number;
  readonly slewMs: number;
  readonly slewOverMs: number;
  readonly ratePpb?: number;
}

/** How a guest's clock stood when it was asked. */
export interface GuestClock {
  /** Milliseconds since 1970, with a fraction. */
  readonly wallClockMs: number;
  readonly ratePpb: number;
  /** A program of the guest's keeps it. */
  readonly keptByGuest: boolean;
}

/** Tells how the guest's clock stands, and turns it. */
export async function adjustClock(
  client: Client<typeof AgentService>,
  { stepMs, slewMs, slewOverMs, ratePpb }: ClockAdjustment,
  signal: AbortSignal,
): Promise<GuestClock> {
  const answer = await client.adjustClock(
    {
      stepNs: nanoseconds(stepMs),
      slewNs: nanoseconds(slewMs),
      slewOverMs,
      ...(ratePpb !== undefined && { ratePpb: BigInt(ratePpb) }),
    },
    { signal },
  );
  return {
    wallClockMs: Number(answer.wallClockNs) / 1e6,
    ratePpb: Number(answer.ratePpb),
    keptByGuest: answer.keptByGuest,
  };
}

function nanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1e6));
}
