import type { Fields } from "./field.ts";

/** How files of a running VM are worked on. */
export const GUEST_FILE_FIELDS = {
  follow: {
    kind: "flag",
    option: "follow",
    short: "L",
    help: "copy what symbolic links lead to, in place of the links",
    says: "take what symbolic links lead to, in place of the links",
  },
  user: {
    kind: "text",
    max: 200,
    otherwise: "",
    option: "user",
    short: "u",
    value: "USER",
    help: "as this user of the guest; root unless told",
    says: "of the guest, name or number, with `:group` if need be: as whom it is done; root where it is absent",
  },
  owner: {
    kind: "text",
    max: 200,
    otherwise: "",
    option: "owner",
    value: "USER:GROUP",
    help: "of the guest, whose it becomes there",
    says: "`USER:GROUP` of the guest, names or numbers, whose it becomes",
  },
} as const satisfies Fields;
