import { z } from "zod";
import { ERROR_CODES, type ErrorCode } from "../../../lib/error-codes.ts";
import { fromErrorBody, toErrorBody } from "../../../lib/errors.ts";
import { guestSystemSchema } from "../../../model/image.ts";
import type { ImageLayer } from "../../../oci/resolve-image.ts";
import { TarError } from "../../../oci/tar-error.ts";
import type { AgentProgram } from "../provision.ts";

/** A root file system to be made of layers, whose bytes come on the maker's stdin one after another. */
export interface RootfsJob {
  /** The file, which must not exist yet. */
  readonly target: string;
  /** What the volume's UUID is derived from, in hex. */
  readonly identity: string;
  readonly layers: readonly ImageLayer[];
  /** Directories that the image wants to exist, by its config. */
  readonly volumes: readonly string[];
  readonly agent: AgentProgram;
  /** As it was asked for; made larger where the image does not fit. Roomy where absent. */
  readonly sizeBytes?: number;
}

/** What the daemon tells the maker: the job first, `finish` once the digests of all layers have been checked. */
export type RootfsRequest = { readonly kind: "job"; readonly job: RootfsJob } | { readonly kind: "finish" };

const resultSchema = z.object({
  /** Of all layers together. */
  entries: z.number(),
  sizeBytes: z.number(),
  usedBytes: z.number(),
  uuid: z.string(),
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

export function failureReply(error: unknown): RootfsReply {
  if (!(error instanceof TarError))
    return { kind: "failed", ...toErrorBody(error), data: { ...toErrorBody(error).data } };
  const { kind, reason, entry } = error;
  return { kind: "damaged", damage: kind, reason, ...(entry !== undefined && { entry }) };
}

/** The error that a reply tells of; undefined where it tells of none. */
export function errorOf(reply: RootfsReply): Error | undefined {
  if (reply.kind === "damaged") return new TarError(reply.damage, reply.reason, reply.entry);
  return reply.kind === "failed" ? fromErrorBody(reply) : undefined;
}
