import type { Rule } from "./field.ts";

/** Ids begin with their noun: a name that looks like an id could shadow one. */
const NO_ID: Rule = { pattern: /^(?!(?:vm|img|krn|vol)-[0-9a-z]{16}$)/, refusal: "must not look like an id" };

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

const MOUNT_PATH_REFUSAL =
  "must be an absolute path of at most 100 letters, digits, dots, dashes, underscores and slashes, and lead to a folder of its own";

/**
 * Where a volume is mounted. It stands on the kernel's command line, which is short and knows no escapes. What the system
 * lives on is no place for one: it would lie over it.
 */
export const VOLUME_MOUNT_PATH: readonly Rule[] = [
  { pattern: /^(?:\/[A-Za-z0-9._-]+)+$/, refusal: MOUNT_PATH_REFUSAL },
  { pattern: /^.{1,100}$/, refusal: MOUNT_PATH_REFUSAL },
  { pattern: /^(?!.*\/\.{1,2}(?:\/|$))/, refusal: MOUNT_PATH_REFUSAL },
  {
    pattern:
      /^(?!\/(?:bin|boot|dev|etc|lib|lib64|proc|run|sbin|sys|usr|var|work)$|\/(?:dev|proc|run|sys|lib\/modules|usr\/local\/libexec)(?:\/|$))/,
    refusal: "must not lie over what the guest's system, or its work disk, is made of",
  },
];

/** A name or an id of an existing object, as a user types it: only looked up, never joined to a path. */
export const REF = { kind: "text", min: 1, max: 200 } as const;
