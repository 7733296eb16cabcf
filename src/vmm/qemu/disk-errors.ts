import { z } from "zod";
import type { DiskError } from "../driver.ts";
import { diskOfNode } from "./machine-plan.ts";

/**
 * BLOCK_IO_ERROR of qapi/block-core.json. QEMU's own policies stand (werror=enospc, rerror=report): a write that the host has
 * no room for stops the machine, any other error is the guest's to hear, as it would of a disk that fails.
 */
const blockErrorSchema = z.object({
  "node-name": z.string(),
  action: z.enum(["ignore", "report", "stop"]),
  nospace: z.boolean().default(false),
  reason: z.string().default(""),
});

/** What the event tells of a disk of ours; undefined for what is none. */
export function diskErrorOf(data: unknown): DiskError | undefined {
  const event = blockErrorSchema.safeParse(data).data;
  if (event === undefined) return undefined;
  return {
    disk: diskOfNode(event["node-name"]),
    hasStopped: event.action === "stop",
    isFull: event.nospace,
    reason: event.reason,
  };
}

/** BlockInfo of qapi/block-core.json, as `query-block` lists it: the status stays until the machine is continued. */
const blocksSchema = z.array(
  z.object({
    "io-status": z.enum(["ok", "failed", "nospace"]).optional(),
    inserted: z.object({ "node-name": z.string().optional() }).optional(),
  }),
);

/** The disk that had no room, of an answer to `query-block`. */
export function fullDiskIn(answer: unknown): string | undefined {
  const full = blocksSchema.parse(answer).find((block) => block["io-status"] === "nospace");
  return full === undefined ? undefined : diskOfNode(full.inserted?.["node-name"] ?? "");
}
