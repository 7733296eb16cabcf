import { z } from "zod";
import { BangerError } from "../lib/errors.ts";
import { OBJECT_NAME, VM_NAME } from "./fields/names.ts";
import { ruled } from "./fields/schema-of.ts";

/** What a user may call a VM. */
export const vmNameSchema = ruled(z.string(), VM_NAME);

/** What a user may call a kernel or an image. */
export const objectNameSchema = ruled(z.string(), OBJECT_NAME);

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
