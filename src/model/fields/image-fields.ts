import { INIT_POLICIES } from "./choices.ts";
import type { Fields } from "./field.ts";
import { OBJECT_NAME, REF } from "./names.ts";

/** How an image is pulled, beside its reference. */
export const PULL_FIELDS = {
  name: {
    kind: "text",
    rules: OBJECT_NAME,
    option: "name",
    value: "NAME",
    help: "what to call it; made from the reference unless told",
  },
  kernel: {
    kind: "text",
    rules: OBJECT_NAME,
    option: "kernel-ref",
    value: "KERNEL",
    help: "boot its VMs with this kernel",
  },
  insecure: {
    kind: "flag",
    option: "insecure",
    help: "speak to the registry without TLS; on loopback this needs no saying",
  },
  init: {
    kind: "choice",
    values: INIT_POLICIES,
    option: "init",
    value: "POLICY",
    help: "PID 1 of its VMs: auto, agent, or systemd, installed where missing",
    says: "what its VMs have as PID 1 unless told otherwise; systemd is installed at once where the image has none",
  },
  allowHost: {
    kind: "flag",
    option: "allow-host",
    help: "let that installation reach what listens on this host, as a mirror may",
    says: "let the VM in which that is done reach what listens on this host, as a mirror may",
  },
} as const satisfies Fields;

/** How an image is built by a script. */
export const BUILD_FIELDS = {
  from: { ...REF, required: true, option: "from-image", value: "IMAGE", help: "name or id of the image to begin from" },
  name: {
    kind: "text",
    rules: OBJECT_NAME,
    required: true,
    option: "name",
    value: "NAME",
    help: "what to call the new image",
  },
  script: {
    kind: "path",
    required: true,
    option: "script",
    value: "FILE",
    help: "what to run in it, as root",
    says: "what to run in the guest: by the interpreter that its first line names, else by /bin/sh",
  },
  copies: {
    kind: "own",
    option: "copy",
    help: "files and folders that are in the guest before the script runs, owned by root",
  },
  sizeBytes: {
    kind: "bytes",
    option: "size",
    help: "size of its root disk, as in 20G",
    says: "size of its root disk; the base's where it is absent",
  },
  env: { kind: "own", option: "env", help: "variables that the script has" },
  nat: { kind: "flag", option: "nat", help: "let the script reach the network" },
  init: {
    kind: "choice",
    values: INIT_POLICIES,
    option: "init",
    value: "POLICY",
    help: "what runs as PID 1 meanwhile; agent unless told",
  },
  kernel: { ...REF, option: "kernel-ref", value: "KERNEL", help: "boot this kernel, now and in its VMs" },
  onFail: {
    kind: "own",
    option: "on-fail",
    help: "keep: a script that fails leaves its VM running, and the error names it",
  },
} as const satisfies Fields;

/** How an image is built of a Containerfile. */
export const CONTAINERFILE_FIELDS = {
  name: BUILD_FIELDS.name,
  containerfile: {
    kind: "path",
    required: true,
    option: "containerfile",
    value: "FILE",
    help: "build this, by buildah, docker or buildctl, instead",
    says: "what is built, by buildah, docker or buildctl",
  },
  context: { kind: "path", required: true, help: "the folder whose files it may copy" },
  kernel: BUILD_FIELDS.kernel,
} as const satisfies Fields;

/** The files of the user's that become an image where they lie. */
export const REGISTER_FIELDS = {
  rootfs: { kind: "path", required: true, option: "rootfs", help: "an ext4 file system, raw, without partitions" },
  kernel: { kind: "path", option: "kernel", help: "the kernel that its VMs boot: a vmlinux or a bzImage" },
  kernelRef: { ...REF, option: "kernel-ref", value: "KERNEL", help: "a kernel that is here already, instead" },
  initrd: {
    kind: "path",
    option: "initrd",
    help: "an initramfs to boot --kernel with",
    says: "an initramfs of `kernel`",
  },
  modules: {
    kind: "path",
    option: "modules",
    value: "DIR",
    help: "the modules of --kernel: the content of /lib/modules/RELEASE",
    says: "the modules of `kernel`: the content of /lib/modules/RELEASE",
  },
  workSeed: { kind: "path", option: "work-seed", help: "an ext4 file system that new work disks begin as" },
} as const satisfies Fields;

/** Which files of an image are listed, beside where. */
export const FILES_FIELDS = {
  recursive: {
    kind: "flag",
    option: "recursive",
    short: "R",
    help: "what stands in its folders too",
    says: "all that stands below it, not only what stands in it",
  },
} as const satisfies Fields;

/** How an image is sent to a registry, beside what and where to. */
export const PUSH_FIELDS = { insecure: PULL_FIELDS.insecure } as const satisfies Fields;
