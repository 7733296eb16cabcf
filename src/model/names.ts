import { z } from "zod";
import { BangerError } from "../lib/errors.ts";

/** What a user may call a kernel, an image or a VM: a DNS label (RFC 1123), since a VM's name becomes its hostname. */
const VM_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Kernels and images carry versions: dots and underscores too, up to 128 characters. */
const OBJECT_NAME = /^[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?$/;

/** Ids begin with their noun: a name that looks like an id could shadow one. */
const LOOKS_LIKE_ID = /^(?:vm|img|krn)-[0-9a-z]{16}$/;

export const vmNameSchema = z
  .string()
  .regex(VM_NAME, "must be 1 to 63 lower-case letters, digits and dashes, and not begin or end with a dash")
  .refine((name) => !LOOKS_LIKE_ID.test(name), "must not look like an id");

export const objectNameSchema = z
  .string()
  .regex(
    OBJECT_NAME,
    "must be 1 to 128 lower-case letters, digits, dots, dashes and underscores, and begin and end with a letter or digit",
  )
  .refine((name) => !LOOKS_LIKE_ID.test(name) && !name.includes(".."), "must not look like an id or hold `..`");

/**
 * Holds a name against its schema, for names that come from elsewhere than a request.
 *
 * @throws BangerError `NAME_INVALID`.
 */
export function checkName(schema: z.ZodType<string>, noun: string, name: string): string {
  const result = schema.safeParse(name);
  if (result.success) return result.data;
  throw new BangerError("NAME_INVALID", {
    what: `"${name}" cannot name ${noun}`,
    why: result.error.issues.map((issue) => issue.message).join("; "),
    fix: "choose another name",
  });
}
