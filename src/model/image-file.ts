import { z } from "zod";

export const FILE_TYPES = ["file", "directory", "symlink", "char", "block", "fifo", "socket"] as const;

/** Something in an image's root file system. */
export const imageFileSchema = z.object({
  /** From the image's root; bytes that cannot be shown as `\xNN`, a backslash doubled. */
  path: z.string(),
  type: z.enum(FILE_TYPES),
  /** Permission bits with setuid, setgid and sticky. */
  mode: z.number().int(),
  uid: z.number().int(),
  gid: z.number().int(),
  sizeBytes: z.number().int(),
  links: z.number().int(),
  /** Seconds since 1970, with the fraction as far as a number holds it. */
  mtime: z.number(),
  /** Where a symbolic link leads, written like a path. */
  target: z.string().optional(),
  /** Major and minor number of a device. */
  device: z.tuple([z.number().int(), z.number().int()]).optional(),
});
export type ImageFile = z.infer<typeof imageFileSchema>;
