/** Every path of a guest's disk that banger's agent reads or writes there, whatever the image is. */
export const AGENT_PATHS = [
  "/etc/hostname",
  "/etc/hosts",
  "/etc/machine-id",
  "/etc/resolv.conf",
  "/etc/passwd",
  "/etc/group",
  "/etc/os-release",
  "/usr/lib/os-release",
  "/etc/locale.conf",
  "/etc/default/locale",
  "/etc/banger/ssh_host_ed25519_key",
  "/root/.ssh/authorized_keys",
  "/.ssh/authorized_keys",
  "/var/log/banger/service.log",
  "/var/log/banger/service.log.1",
] as const;

/** What may lie there instead of a file, as busybox makes it at $p. */
export const HOSTILE_KINDS = {
  FIFO: "mkfifo $p",
  endless: "ln -s /dev/zero $p",
  directory: "mkdir $p",
  dangling: "ln -s /nowhere/at/all $p",
  loop: "ln -s ${p##*/} $p",
  absent: "true",
  huge: "truncate -s 1G $p",
} as const;
export type HostileKind = keyof typeof HOSTILE_KINDS;

/** A script for a guest with busybox that puts one kind of thing at paths. */
export function hostileScript(kind: HostileKind, paths: readonly string[] = AGENT_PATHS): string {
  const make = HOSTILE_KINDS[kind].replace(/^(mkfifo|ln|mkdir|truncate)/, "$b $1");
  return [
    "b=/bin/busybox",
    `for p in ${paths.join(" ")}; do`,
    "  $b rm -rf $p; $b mkdir -p ${p%/*}",
    `  ${make} || exit 1`,
    "done",
    "$b sync",
  ].join("\n");
}

/** Kinds that no user can be looked up in: whoever asks is told so, by the path. */
export const UNREADABLE: ReadonlySet<HostileKind> = new Set(["FIFO", "endless", "directory", "loop", "huge"]);
/** Kinds that the agent leaves alone where it would write, and says so. */
export const UNWRITABLE: ReadonlySet<HostileKind> = new Set(["FIFO", "endless", "directory", "loop"]);
