import { z } from "zod";
import type { RecordWith } from "../own-record.ts";

/** QEMU serves its guest's console on a socket. */
export const qemuOwnSchema = z.object({ consoleSocket: z.string() });
export type QemuRecord = RecordWith<z.infer<typeof qemuOwnSchema>>;
