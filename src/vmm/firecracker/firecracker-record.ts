import { z } from "zod";
import type { RecordWith } from "../own-record.ts";

/** Firecracker reads its guest's console from a FIFO: what the guest writes is in the log. */
export const firecrackerOwnSchema = z.object({ consoleInput: z.string() });
export type FirecrackerRecord = RecordWith<z.infer<typeof firecrackerOwnSchema>>;
