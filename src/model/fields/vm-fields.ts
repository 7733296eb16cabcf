import { DISK_STRATEGIES, INIT_POLICIES, VMMS, WAIT_TARGETS } from "./choices.ts";
import type { Fields } from "./field.ts";
import { REF, VM_NAME } from "./names.ts";
import { WORLD_FIELDS } from "./world-fields.ts";

const MIB = 1024 ** 2;
/** Less than this would not let a guest boot. */
const LEAST_RATE = { min: 64 * 1024, refusal: "a guest needs at least 64K a second" } as const;
const LEAST_WORK_DISK = { min: 16 * MIB, refusal: "a work disk needs at least 16M" } as const;

/** What a new VM can be given, however it is made. */
export const VM_FIELDS = {
  name: {
    kind: "text",
    rules: VM_NAME,
    option: "name",
    value: "NAME",
    help: "what to call the VM; its hostname too",
  },
  vcpus: { kind: "number", min: 1, max: 64, kept: true, option: "vcpus", help: "virtual CPUs" },
  memoryBytes: {
    kind: "bytes",
    min: 64 * MIB,
    refusal: "a VM needs at least 64M of memory",
    kept: true,
    option: "memory",
    help: "memory, as in 512M or 2G",
    says: "memory",
  },
  diskSizeBytes: {
    kind: "bytes",
    kept: true,
    option: "disk-size",
    help: "size of the root disk, as in 10G",
    says: "size of the root disk; the image's where it is absent",
  },
  workDiskSizeBytes: {
    kind: "bytes",
    ...LEAST_WORK_DISK,
    kept: true,
    option: "work-disk",
    help: "a second disk, on /work, that outlives a change of the image",
    says: "a second disk, on /work, that outlives a change of the image; where it is absent, there is one if the image has a seed for it",
  },
  diskStrategy: {
    kind: "choice",
    values: DISK_STRATEGIES,
    kept: true,
    option: "disk-strategy",
    value: "WAY",
    help: "how it gets its disk: reflink, qcow2, dm-snapshot or sparse-copy",
    says: "how its disks are copied; the cheapest way that host and VMM share where it is absent",
  },
  nat: { kind: "flag", kept: true, option: "nat", help: "let it reach the network" },
  publish: {
    kind: "list",
    of: { kind: "port" },
    max: 100,
    kept: true,
    option: "publish",
    help: "[HOST:]PORT[:GUEST] of the host, for the guest",
    says: "ports of the host that lead to the guest's",
  },
  publishAll: {
    kind: "flag",
    option: "publish-all",
    short: "P",
    help: "publish what the image exposes, on free ports of this host",
    says: "publish what the image says it listens on, each on a free port of this host's loopback",
  },
  allowHost: {
    kind: "flag",
    kept: true,
    option: "allow-host",
    help: "let it reach what listens on this host, too",
    says: "let it reach what listens on the host, and cloud metadata addresses",
  },
  allowVms: {
    kind: "flag",
    kept: true,
    option: "allow-vms",
    help: "let it and other VMs with this option reach each other",
    says: "let it reach other VMs that have this too, and be reached by them",
  },
  env: {
    kind: "own",
    option: "env",
    help: "variables that its commands have",
  },
  ready: {
    kind: "own",
    option: "ready",
    help: "port:PORT, cmd:COMMAND or log:REGEX that must hold",
    says: "what must hold before a start of it is done, all of it: `port:PORT`, `cmd:COMMAND` or `log:REGEX`",
  },
  volumes: {
    kind: "own",
    option: "volume",
    help: "NAME:/PATH[:ro]: mount a volume there",
    says: "volumes that are mounted in it, each at a path of its own; one that is written to is no other running VM's",
  },
  init: {
    kind: "choice",
    values: INIT_POLICIES,
    option: "init",
    value: "POLICY",
    help: "auto, agent or systemd: what runs as PID 1",
    says: "what runs as PID 1; as the image says where it is absent",
  },
  vmm: {
    kind: "choice",
    values: ["auto", ...VMMS],
    option: "vmm",
    value: "VMM",
    help: "auto, firecracker or qemu: what it runs on",
    says: "what it runs on; auto leaves it to what the host can do",
  },
  diskBandwidth: {
    kind: "rate",
    ...LEAST_RATE,
    kept: true,
    option: "disk-bandwidth",
    help: "most that it reads and writes a second, as in 100M",
    says: "most that it may read and write on each of its disks",
  },
  netBandwidth: {
    kind: "rate",
    ...LEAST_RATE,
    kept: true,
    option: "net-bandwidth",
    help: "most that it sends, and receives, a second",
    says: "most that it may send, and most that it may receive",
  },
  ...WORLD_FIELDS,
  kernel: {
    ...REF,
    option: "kernel-ref",
    value: "KERNEL",
    help: "boot this kernel rather than the image's",
  },
} as const satisfies Fields;

const WAIT = {
  kind: "choice",
  values: WAIT_TARGETS,
  otherwise: "agent",
  option: "wait",
  value: "TARGET",
  help: "agent, system or healthy: how ready it is to be; agent unless told",
  says: "how ready it is to be before the operation ends",
} as const;

/** What else `vm create` takes. */
export const CREATE_FIELDS = {
  image: {
    ...REF,
    option: "image",
    value: "IMAGE",
    help: "name or id of the image; default_image_name of the configuration",
  },
  service: {
    kind: "own",
    option: "restart",
    help: "keep a command running in it: the image's own unless words are given",
  },
  start: {
    kind: "flag",
    on: true,
    option: "no-start",
    help: "create it, and leave it off",
    says: "start it when it is made",
  },
  ephemeral: {
    kind: "flag",
    help: "delete it when its owner is gone: the connection of an exec whose start frame says `owner`. If none comes within a minute, or none comes back after the daemon was started anew, it is deleted, too",
  },
  wait: WAIT,
} as const satisfies Fields;

/** How a command is run in a VM. */
export const EXEC_FIELDS = {
  tty: { kind: "own", option: "tty", help: "the command's terminal; it has none where this is absent" },
  user: {
    kind: "text",
    otherwise: "",
    option: "user",
    short: "u",
    value: "USER",
    help: "run as this user of the guest; root unless told",
  },
  cwd: {
    kind: "text",
    otherwise: "",
    option: "workdir",
    short: "w",
    value: "DIR",
    help: "run in this folder of the guest",
  },
  env: { kind: "own", option: "env", help: "variables that it has" },
} as const satisfies Fields;

/** How a VM is started. */
export const START_FIELDS = { wait: WAIT, ...WORLD_FIELDS } as const satisfies Fields;

/** How a VM is stopped. */
export const STOP_FIELDS = {
  timeoutSeconds: {
    kind: "seconds",
    min: 0,
    max: 3600,
    otherwise: 30,
    option: "timeout",
    help: "how long the guest may take to shut down; 30 unless told",
    says: "how long the guest may take to shut down before it is ended",
  },
  force: { kind: "flag", option: "force", short: "f", help: "pull its plug" },
} as const satisfies Fields;

/** What of a VM can be made larger. */
export const RESIZE_FIELDS = {
  diskSizeBytes: {
    kind: "bytes",
    option: "disk-size",
    help: "size of the root disk, as in 20G",
    says: "size of the root disk",
  },
  workDiskSizeBytes: {
    kind: "bytes",
    ...LEAST_WORK_DISK,
    option: "work-disk-size",
    help: "size of the work disk",
  },
} as const satisfies Fields;

/** What a VM is put on. */
export const REBASE_FIELDS = {
  image: { ...REF, required: true, option: "image", value: "IMAGE", help: "name or id of the image to go on with" },
  kernel: {
    ...REF,
    option: "kernel-ref",
    value: "KERNEL",
    help: "boot this kernel rather than the image's",
    says: "the kernel to boot from then on; the image's own where it is absent",
  },
} as const satisfies Fields;

/** What in a guest is reached. */
export const FORWARD_FIELDS = {
  target: {
    kind: "text",
    required: true,
    max: 4096,
    rules: [
      {
        pattern: /^(?:ssh|port:\d{1,5}|tcp:.+:\d{1,5}|vsock:\d{1,10}|unix:\/.+)$/,
        refusal: "must be ssh, port:PORT, tcp:HOST:PORT, vsock:PORT or unix:PATH",
      },
    ],
    option: "target",
    value: "TARGET",
    help: "ssh (unless told), port:PORT, tcp:HOST:PORT, vsock:PORT or unix:PATH",
    says: "`ssh` for the agent's SSH server, `port:PORT` for what listens on the guest's own loopback address, IPv4 or IPv6, `tcp:HOST:PORT`, `vsock:PORT` or `unix:PATH` inside the guest",
  },
} as const satisfies Fields;

/** What is read of a VM's log. */
export const LOGS_FIELDS = {
  follow: { kind: "flag", option: "follow", short: "f", help: "go on with what comes" },
  lines: {
    kind: "number",
    min: 0,
    max: 100_000,
    option: "lines",
    short: "n",
    help: "how many of the last lines; all unless told",
  },
  service: { kind: "flag", option: "service", help: "print what the command wrote that the VM keeps running" },
} as const satisfies Fields;
