import type { Command } from "./command.ts";

/** A command as it is known before it is loaded. */
export interface Entry {
  /** The words that call it: `["vm", "create"]`. */
  readonly words: readonly [string, ...string[]];
  readonly summary: string;
  /** For programs, not for people: help does not list it. */
  readonly hidden?: true;
  load(): Promise<{ readonly default: Command }>;
}

export const NOUNS = {
  vm: "Virtual machines",
  image: "VM images, made from container images",
  kernel: "Kernels that VMs boot with",
  daemon: "The daemon that does the work",
} as const;

/** Other names that people's fingers know. */
export const VERB_ALIASES: Readonly<Record<string, string>> = { ls: "list", ps: "list", rm: "delete", show: "inspect" };

/** Every command. Only the one that is run is loaded. */
export const registry: readonly Entry[] = [
  { words: ["run"], summary: "Run a command in a new VM, made from any image", load: () => import("./run.ts") },

  { words: ["vm", "create"], summary: "Create a VM from an image and start it", load: () => import("./vm/create.ts") },
  { words: ["vm", "list"], summary: "List VMs", load: () => import("./vm/list.ts") },
  { words: ["vm", "inspect"], summary: "Show all about a VM, as JSON", load: () => import("./vm/inspect.ts") },
  { words: ["vm", "start"], summary: "Start a VM and wait until it is ready", load: () => import("./vm/start.ts") },
  { words: ["vm", "stop"], summary: "Shut a VM down, gracefully first", load: () => import("./vm/stop.ts") },
  { words: ["vm", "delete"], summary: "Delete a VM and everything it has", load: () => import("./vm/delete.ts") },
  { words: ["vm", "ssh"], summary: "Log in to a VM with your own ssh", load: () => import("./vm/ssh.ts") },
  { words: ["vm", "exec"], summary: "Run a command in a running VM", load: () => import("./vm/exec.ts") },
  { words: ["vm", "logs"], summary: "Print what a VM wrote to its console", load: () => import("./vm/logs.ts") },
  { words: ["vm", "console"], summary: "Attach to a VM's serial console", load: () => import("./vm/console.ts") },
  { words: ["vm", "stats"], summary: "Show what a running VM uses", load: () => import("./vm/stats.ts") },
  {
    words: ["vm", "ssh-config"],
    summary: "Print ssh_config lines, for scp, rsync and editors",
    load: () => import("./vm/ssh-config.ts"),
  },
  {
    words: ["vm", "proxy"],
    summary: "Join stdin and stdout with something that listens in a VM",
    hidden: true,
    load: () => import("./vm/proxy.ts"),
  },

  {
    words: ["image", "pull"],
    summary: "Turn a container image into a VM image",
    load: () => import("./image/pull.ts"),
  },
  { words: ["image", "list"], summary: "List images", load: () => import("./image/list.ts") },
  {
    words: ["image", "inspect"],
    summary: "Show all about an image, as JSON",
    load: () => import("./image/inspect.ts"),
  },
  { words: ["image", "delete"], summary: "Delete an image that no VM uses", load: () => import("./image/delete.ts") },

  {
    words: ["kernel", "pull"],
    summary: "Get a kernel from its makers, verified",
    load: () => import("./kernel/pull.ts"),
  },
  {
    words: ["kernel", "import"],
    summary: "Copy a kernel from files of yours",
    load: () => import("./kernel/import.ts"),
  },
  { words: ["kernel", "list"], summary: "List kernels", load: () => import("./kernel/list.ts") },
  {
    words: ["kernel", "inspect"],
    summary: "Show all about a kernel, as JSON",
    load: () => import("./kernel/inspect.ts"),
  },
  {
    words: ["kernel", "delete"],
    summary: "Delete a kernel that nothing uses",
    load: () => import("./kernel/delete.ts"),
  },

  {
    words: ["daemon", "start"],
    summary: "Start the daemon; any command does so",
    load: () => import("./daemon/start.ts"),
  },
  { words: ["daemon", "stop"], summary: "Stop the daemon; running VMs go on", load: () => import("./daemon/stop.ts") },
  { words: ["daemon", "status"], summary: "Tell whether the daemon runs", load: () => import("./daemon/status.ts") },
  { words: ["daemon", "logs"], summary: "Print the daemon's log", load: () => import("./daemon/logs.ts") },

  {
    words: ["doctor"],
    summary: "Say what this host can do, and how to mend the rest",
    load: () => import("./doctor.ts"),
  },
  { words: ["version"], summary: "Print the version", load: () => import("./version.ts") },
  { words: ["help"], summary: "Explain a command, or a topic", load: () => import("./help/help.ts") },
  { words: ["openapi"], summary: "Print the API's OpenAPI document", hidden: true, load: () => import("./openapi.ts") },
];
