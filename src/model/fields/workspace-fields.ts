import type { Fields } from "./field.ts";
import { VM_NAME } from "./names.ts";

/** What comes home no larger than this. */
const MAX_FILE_BYTES = 4 * 1024 ** 3;

/** What a new workspace is made of; the folder on the host is an argument of the command. */
export const WORKSPACE_FIELDS = {
  name: {
    kind: "text",
    rules: VM_NAME,
    option: "name",
    value: "NAME",
    help: "what to call the workspace; as its folder unless told",
  },
  vm: { kind: "text", min: 1, max: 200, option: "vm", value: "VM", help: "copy it into this VM, which runs" },
  image: {
    kind: "text",
    min: 1,
    max: 200,
    option: "image",
    value: "IMAGE",
    help: "make a VM of this image for it, by the same name",
  },
  nat: { kind: "flag", option: "nat", help: "let the VM that is made reach the network" },
  path: {
    kind: "text",
    min: 2,
    max: 1000,
    rules: [{ pattern: /^\//, refusal: "must be an absolute path in the guest" }],
    option: "path",
    value: "PATH",
    help: "where in the guest; /work/NAME unless told",
  },
  user: {
    kind: "text",
    max: 200,
    option: "user",
    short: "u",
    value: "USER",
    help: "of the guest, whose it is; root unless told",
  },
  untracked: {
    kind: "flag",
    option: "include-untracked",
    help: "files too that git does not track, unless they are ignored",
  },
  shallow: { kind: "flag", option: "shallow", help: "the newest commit alone, without the history" },
} as const satisfies Fields;

/** How much of a guest's work is looked at. */
export const WORKSPACE_FETCH_FIELDS = {
  committedOnly: {
    kind: "flag",
    option: "committed-only",
    help: "leave out what is not committed in the guest",
  },
  maxFileBytes: {
    kind: "bytes",
    min: 1,
    max: MAX_FILE_BYTES,
    option: "max-file-size",
    help: "refuse larger files; 100M unless told",
  },
} as const satisfies Fields;

/** How it comes home. */
export const WORKSPACE_PULL_FIELDS = {
  branch: {
    kind: "text",
    min: 1,
    max: 200,
    option: "branch",
    short: "b",
    value: "BRANCH",
    help: "as this branch, which is made or moved on; banger/NAME unless told",
  },
  patch: { kind: "path", option: "patch", help: "as a patch in this file, which is not there yet" },
  apply: { kind: "flag", option: "apply", help: "into the work tree itself, all or nothing" },
  ...WORKSPACE_FETCH_FIELDS,
} as const satisfies Fields;
