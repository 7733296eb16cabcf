import { z } from "zod";
import { ERROR_CODES, type ErrorCode } from "../../../lib/error-codes.ts";
import { fromErrorBody } from "../../../lib/errors.ts";
import { guestSystemSchema } from "../../../model/image.ts";
import { FormatError } from "../../../formats/format-error.ts";

const resultSchema = z.object({
  /** Of all layers together. */
  entries: z.number(),
  sizeBytes: z.number(),
  usedBytes: z.number(),
  uuid: z.string(),
  droppedXattrs: z.array(z.object({ name: z.string(), files: z.number() })).readonly(),
  system: guestSystemSchema,
  /** The most memory that the maker has had, in bytes (VmHWM of proc_pid_status(5)). */
  peakMemoryBytes: z.number(),
});
export type RootfsResult = z.infer<typeof resultSchema>;

const replySchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("taken") }),
  z.object({ kind: z.literal("done"), result: resultSchema }),
  z.object({
    kind: z.literal("damaged"),
    damage: z.enum(["invalid", "limit"]),
    reason: z.string(),
    entry: z.string().optional(),
  }),
  z.object({
    kind: z.literal("failed"),
    code: z.custom<ErrorCode>((code) => typeof code === "string" && Object.hasOwn(ERROR_CODES, code)),
    what: z.string(),
    why: z.string().optional(),
    fix: z.string(),
    data: z.record(z.string(), z.unknown()).optional(),
  }),
]);
/** What the maker answers: `taken` for each layer, then `done`, or why not. */
export type RootfsReply = z.infer<typeof replySchema>;

export function parseReply(message: unknown): RootfsReply {
  return replySchema.parse(message);
}

/** The error that a reply tells of; undefined where it tells of none. */
export function errorOf(reply: RootfsReply): Error | undefined {
  if (reply.kind === "damaged") return new FormatError(reply.damage, reply.reason, reply.entry);
  return reply.kind === "failed" ? fromErrorBody(reply) : undefined;
}
