import type { Client } from "@connectrpc/connect";
import type { GuestWorld } from "../model/world.ts";
import { guestText } from "./agent-errors.ts";
import type { AgentService } from "./gen/banger/agent/v1/agent_pb.ts";

/** The agent waits ten seconds for its guest's programs; an emulated CPU on a busy host stretches all else. */
export const WORLD_MS = 150_000;
export const WORLD_AWAITED = "the guest to take what its host lives with";
const MAX_WARNINGS = 16;

/**
 * Gives a guest what its host lives with, in place of what it was given before.
 *
 * @returns what the guest could not take, a sentence each.
 */
export async function setWorld(
  client: Client<typeof AgentService>,
  { certificates, proxies, timeZone, locale }: GuestWorld,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { warnings } = await client.setWorld(
    {
      certificates: [...certificates],
      ...(proxies !== undefined && {
        proxies: { http: proxies.http ?? "", https: proxies.https ?? "", noneFor: proxies.noneFor },
      }),
      ...(timeZone !== undefined && { timeZone }),
      locale: locale ?? "",
    },
    { signal },
  );
  return warnings.slice(0, MAX_WARNINGS).map((text) => guestText(text));
}
