import type { Rule } from "./field.ts";

/** Ids begin with their noun: a name that looks like an id could shadow one. */
const NO_ID: Rule = { pattern: /^(?!(?:vm|img|krn)-[0-9a-z]{16}$)/, refusal: "must not look like an id" };

/** What a user may call a VM: a DNS label (RFC 1123), since it becomes its hostname. */
export const VM_NAME: readonly Rule[] = [
  {
    pattern: /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    refusal: "must be 1 to 63 lower-case letters, digits and dashes, and not begin or end with a dash",
  },
  NO_ID,
];

/** Kernels and images carry versions: dots and underscores too, up to 128 characters. */
export const OBJECT_NAME: readonly Rule[] = [
  {
    pattern: /^[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?$/,
    refusal:
      "must be 1 to 128 lower-case letters, digits, dots, dashes and underscores, and begin and end with a letter or digit",
  },
  { ...NO_ID, refusal: "must not look like an id or hold `..`" },
  { pattern: /^(?!.*\.\.)/, refusal: "must not look like an id or hold `..`" },
];

/** A name or an id of an existing object, as a user types it: only looked up, never joined to a path. */
export const REF = { kind: "text", min: 1, max: 200 } as const;
