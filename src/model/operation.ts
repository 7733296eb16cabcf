import { z } from "zod";

/** What is under way in the daemon, or was not long ago. */
export const operationViewSchema = z.object({
  id: z.string(),
  /** The route that began it, as in `vmCreate`. */
  name: z.string(),
  /** The object that it is about, as it was named; absent where it named none. */
  subject: z.string().optional(),
  caller: z.string(),
  startedAt: z.iso.datetime(),
  state: z.enum(["running", "cancelling", "done", "failed"]),
  /** Whether it goes on when its client goes away. */
  detached: z.boolean(),
  /** The last that was told of each part of it. */
  progress: z
    .array(
      z.object({
        id: z.string(),
        label: z.string(),
        status: z.enum(["running", "done", "failed"]),
        done: z.number().optional(),
        total: z.number().optional(),
        unit: z.enum(["bytes", "items"]).optional(),
        note: z.string().optional(),
      }),
    )
    .readonly(),
  endedAt: z.iso.datetime().optional(),
  /** Code of the error that it failed with. */
  error: z.string().optional(),
});
export type OperationView = z.infer<typeof operationViewSchema>;
