import type { Fields } from "./field.ts";

const LEAST_VOLUME = { min: 16 * 1024 ** 2, refusal: "a volume needs at least 16M" } as const;

/** What a new volume can be given, beside its name. */
export const VOLUME_CREATE_FIELDS = {
  sizeBytes: {
    kind: "bytes",
    ...LEAST_VOLUME,
    required: true,
    option: "size",
    help: "how large it is, as in 10G; here it takes what is written to it",
    says: "how large its file system is; on the host it takes what is written to it",
  },
} as const satisfies Fields;

/** What of a volume can change. */
export const VOLUME_RESIZE_FIELDS = {
  sizeBytes: {
    ...LEAST_VOLUME,
    kind: "bytes",
    required: true,
    option: "size",
    help: "how large it is to be, as in 20G",
  },
} as const satisfies Fields;
