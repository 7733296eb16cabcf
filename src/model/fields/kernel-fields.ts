import { KERNEL_SOURCES } from "./choices.ts";
import type { Fields } from "./field.ts";
import { OBJECT_NAME } from "./names.ts";

/** How a kernel is pulled, beside what is pulled. */
export const KERNEL_PULL_FIELDS = {
  name: {
    kind: "text",
    rules: OBJECT_NAME,
    option: "name",
    value: "NAME",
    help: "what to call it; as its source unless told",
  },
  build: { kind: "flag", option: "build", help: "build it from source where no catalog serves it" },
} as const satisfies Fields;

/** How a kernel is built of its source, beside its name. */
export const KERNEL_BUILD_FIELDS = {
  config: {
    kind: "path",
    option: "config",
    help: "options on top of allnoconfig, in place of generic.config",
    says: "a fragment of a kernel configuration on top of allnoconfig, in place of the generic kernel's",
  },
  from: {
    kind: "choice",
    values: KERNEL_SOURCES,
    option: "from",
    value: "WHERE",
    help: "where the source is from: auto, kernel.org or debian",
  },
  jobs: {
    kind: "number",
    max: 1024,
    option: "jobs",
    help: "compile N files at a time; as many as there are processors unless told",
    says: "so many files are compiled at a time; as many as there are processors unless told",
  },
} as const satisfies Fields;

/** The files that a kernel is copied from. */
export const KERNEL_IMPORT_FIELDS = {
  vmlinux: { kind: "path", required: true, option: "vmlinux", help: "the kernel: a vmlinux or a bzImage" },
  initrd: { kind: "path", option: "initrd", help: "an initramfs to boot it with" },
  modules: {
    kind: "path",
    option: "modules",
    value: "DIR",
    help: "its modules: the content of /lib/modules/RELEASE",
  },
} as const satisfies Fields;
