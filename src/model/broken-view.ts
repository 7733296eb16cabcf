import { z } from "zod";
import type { BrokenView } from "./broken.ts";

/** {@link BrokenView} as the API's documents describe it. Apart, since the command line starts quicker without schemas. */
export const brokenViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: z.literal("broken"),
  /** What does not read, in words. */
  why: z.string(),
}) satisfies z.ZodType<BrokenView>;
