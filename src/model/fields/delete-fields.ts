import type { Fields } from "./field.ts";

/** How a VM is deleted. */
export const VM_DELETE_FIELDS = {
  force: {
    kind: "flag",
    option: "force",
    short: "f",
    help: "even if it runs",
    says: "delete it even while it runs, or if its record cannot be read",
  },
} as const satisfies Fields;

/** How an image, a kernel or a volume is. */
export const DELETE_FIELDS = {
  force: {
    kind: "flag",
    option: "force",
    short: "f",
    help: "even if a record cannot be read",
    says: "delete it even if its record cannot be read",
  },
} as const satisfies Fields;

/** Which of the files that the state does not know are, beside those that are named. */
export const ORPHANS_DELETE_FIELDS = {
  all: { kind: "flag", option: "all", help: "with --delete: all of them", says: "all of them" },
  force: {
    kind: "flag",
    option: "force",
    short: "f",
    help: "with --delete: even if a VM runs in one",
    says: "those too in which a VMM works, which is ended",
  },
} as const satisfies Fields;
