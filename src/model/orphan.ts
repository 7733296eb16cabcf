import { z } from "zod";

export const ORPHAN_KINDS = ["vm", "volume", "image", "kernel", "work", "run"] as const;

/** Something in banger's folders that its state does not know. Nothing takes it away unless it is asked to. */
export const orphanSchema = z.object({
  /** By which it is asked for: `vms/vm-7k2m…`. */
  name: z.string(),
  kind: z.enum(ORPHAN_KINDS),
  path: z.string(),
  /** What it occupies; absent where not all of it could be looked at. */
  sizeBytes: z.number().int().optional(),
  changedAt: z.iso.datetime(),
  /** What it seems to be, in words. */
  about: z.string(),
  /** VMMs that work in it. */
  pids: z.array(z.number().int()),
});
export type Orphan = z.infer<typeof orphanSchema>;

/** What a rebuilt state was made of. */
export const rebuiltSchema = z.object({
  vms: z.number().int(),
  images: z.number().int(),
  kernels: z.number().int(),
  volumes: z.number().int(),
  /** Where the database lies that was there before; absent where there was none. */
  kept: z.string().optional(),
  /** What was done to objects, and what was left and why, in words. */
  notes: z.array(z.string()),
});
export type Rebuilt = z.infer<typeof rebuiltSchema>;
