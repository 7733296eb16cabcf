import { z } from "zod";
import { FILE_TYPES } from "./image-file.ts";

/** Something in a guest's file system, as the guest tells it. */
export const guestFileSchema = z.object({
  /** Whole, or below the folder that is listed. Bytes that are no UTF-8 are shown as U+FFFD. */
  path: z.string(),
  type: z.enum(FILE_TYPES),
  /** Permission bits with setuid, setgid and sticky. */
  mode: z.number().int(),
  uid: z.number().int(),
  gid: z.number().int(),
  /** As the guest's own files name them, where they do. */
  owner: z.string().optional(),
  group: z.string().optional(),
  sizeBytes: z.number().int(),
  /** What it takes of its disk: less than its size where it has holes. */
  allocatedBytes: z.number().int(),
  links: z.number().int(),
  /** Seconds since 1970, with the fraction as far as a number holds it. */
  mtime: z.number(),
  /** What a symbolic link says. */
  target: z.string().optional(),
  /** Extended attributes by their names, as base64, where they were asked for. */
  attributes: z.record(z.string(), z.string()).optional(),
});
export type GuestFile = z.infer<typeof guestFileSchema>;

export const guestFilePageSchema = z.object({
  entries: z.array(guestFileSchema),
  /** Another page follows the last of these. */
  more: z.boolean(),
});
export type GuestFilePage = z.infer<typeof guestFilePageSchema>;

export const GUEST_FILE_CHANGES = ["created", "written", "removed", "moved-away", "moved-here", "changed"] as const;

/** What a watch tells, an object a line. */
export const guestFileEventSchema = z.union([
  /** Whatever happens from now on is told. */
  z.object({ type: z.literal("ready") }),
  /** So much happened at once that some of it is not told. */
  z.object({ type: z.literal("lost") }),
  z.object({
    type: z.enum(GUEST_FILE_CHANGES),
    /** Below what is watched; empty: that itself. */
    path: z.string(),
    isFolder: z.boolean(),
  }),
]);
export type GuestFileEvent = z.infer<typeof guestFileEventSchema>;

/** What was written. */
export const storedSchema = z.object({
  /** Of the file, or of all files of the archive. */
  bytes: z.number().int(),
  entries: z.number().int(),
});
export type Stored = z.infer<typeof storedSchema>;
