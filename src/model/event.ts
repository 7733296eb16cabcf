import { z } from "zod";

/** Something that has happened to an object. */
export const eventSchema = z.object({
  /** Grows with each, and is never used again. */
  seq: z.number().int(),
  at: z.iso.datetime(),
  /** As in `vm`, `image`. */
  noun: z.string(),
  id: z.string(),
  name: z.string(),
  /** The step that was taken, as in `created`, `started`, `deleted`. */
  step: z.string(),
  /** The object's state afterwards, where its noun has states. */
  state: z.string().optional(),
  /** Names of the fields that have another value now. */
  changed: z.array(z.string()).readonly(),
  /** The operation that it was part of. */
  operation: z.string().optional(),
  /** Who asked for it; `daemon` where nobody did. */
  caller: z.string(),
});
export type BangerEvent = z.infer<typeof eventSchema>;
