import { BangerError } from "../../../lib/errors.ts";
import type { GuestSystem } from "../../../model/image.ts";
import { aboutFields } from "../../../model/fields/about-fields.ts";
import { AGENT_OPENRC_SERVICE } from "./openrc-service.ts";

/** One thing that is done in the guest. */
export type SystemStep =
  /** The first of these commands whose program the guest has. */
  | {
      readonly kind: "run";
      readonly label: string;
      readonly choices: readonly (readonly string[])[];
      /** Exit statuses besides 0 that are no failure. */
      readonly passes?: readonly number[];
    }
  | { readonly kind: "write"; readonly path: string; readonly mode: string; readonly content: string }
  /** Files, or patterns of the shell. What is not there is no error. */
  | { readonly kind: "remove"; readonly paths: readonly string[] };

/** How a guest without an init gets one. */
export interface SystemPlan {
  readonly family: Family;
  readonly init: "systemd" | "openrc";
  readonly env: Readonly<Record<string, string>>;
  readonly steps: readonly SystemStep[];
}

export const FAMILIES = ["alpine", "arch", "debian", "fedora", "opensuse"] as const;
export type Family = (typeof FAMILIES)[number];

/** What os-release(5) tells, as far as it matters here. */
export type OsIdentity = Pick<GuestSystem, "osId" | "osIdLike" | "osVersion" | "osName">;

/** Whose package manager and package names a distribution has, by its ID. Others go by their ID_LIKE. */
const FAMILY_OF: Readonly<Record<string, Family>> = {
  alpine: "alpine",
  arch: "arch",
  archarm: "arch",
  debian: "debian",
  ubuntu: "debian",
  fedora: "fedora",
  rhel: "fedora",
  centos: "fedora",
  amzn: "fedora",
  ol: "fedora",
  opensuse: "opensuse",
  "opensuse-leap": "opensuse",
  "opensuse-tumbleweed": "opensuse",
  suse: "opensuse",
  sles: "opensuse",
};

/** Kin of the families above that were made to do without systemd. */
const WITHOUT_SYSTEMD: ReadonlySet<string> = new Set(["artix", "devuan"]);

/** The first releases that have systemd at all. */
const FIRST_VERSION: Readonly<Record<string, number>> = { centos: 7, debian: 8, ol: 7, rhel: 7, ubuntu: 15.04 };

/**
 * How a guest gets systemd and sshd (OpenRC where its distribution has no systemd), by its own package manager. ID
 * decides; where it is not known, the first known word of ID_LIKE, which lists the closest kin first (os-release(5)).
 *
 * @throws BangerError `GUEST_UNSUPPORTED`.
 */
export function planSystem(os: OsIdentity): SystemPlan {
  const id = os.osId ?? "";
  const words = [id, ...(os.osIdLike ?? "").split(/\s+/)];
  const known = words.find((word) => Object.hasOwn(FAMILY_OF, word));
  const family = known === undefined ? undefined : FAMILY_OF[known];
  if (family === undefined) throw unsupported(os, "banger does not know its package manager");
  if (WITHOUT_SYSTEMD.has(id)) throw unsupported(os, "it has no systemd");
  const first = FIRST_VERSION[id];
  const version = Number.parseFloat(os.osVersion ?? "");
  if (first !== undefined && version < first) throw unsupported(os, "it is too old to have systemd");
  return PLANS[family];
}

function unsupported(os: OsIdentity, why: string): BangerError {
  const name = os.osName ?? os.osId;
  return new BangerError("GUEST_UNSUPPORTED", {
    what: `systemd cannot be installed in ${name ?? "an image without os-release"}`,
    why: name === undefined ? "nothing tells which package manager it has" : why,
    fix: "leave `init` out: the agent is PID 1 then; or use an image that has systemd",
    data: { ...aboutFields("init"), id: os.osId, idLike: os.osIdLike, families: FAMILIES },
  });
}

/** invoke-rc.d(8) asks this program whether a service may be started: not while there is no init. */
const POLICY_RC_D = "/usr/sbin/policy-rc.d";

/** Nobody will want these bytes back: after a power cut all is installed anew. dpkg's fsync costs half of the time. */
const APT_INSTALL = [
  ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"],
  ["-o", "Dpkg::Use-Pty=0", "-o", "Dpkg::Options::=--force-unsafe-io", "-o", "Dpkg::Options::=--force-confold"],
].flat();

const PACMAN_UPGRADE = ["pacman", "-Syu", "--noconfirm", "--noprogressbar", "--needed"];

const ZYPPER_INSTALL = ["zypper", "--non-interactive", "install", "--no-recommends"];
/** One repository of several could not be had. Whether it is missed, the installation will tell. */
const ZYPPER_NOT_ALL_REFRESHED = 4;
/**
 * zypper(8): installed, but a reboot is due; zypper itself is to be started anew; a repository was left out; a script of a
 * package failed, as those do that ask a systemd which does not run yet. dnf calls all of these success.
 */
const ZYPPER_INSTALLED = [102, 103, 106, 107];

const PLANS: Readonly<Record<Family, SystemPlan>> = {
  debian: {
    family: "debian",
    init: "systemd",
    env: { DEBIAN_FRONTEND: "noninteractive", DEBCONF_NONINTERACTIVE_SEEN: "true" },
    steps: [
      { kind: "write", path: POLICY_RC_D, mode: "0755", content: "#!/bin/sh\nexit 101\n" },
      run("updating the package lists", ["apt-get", "update", "--quiet", "-o", "Acquire::Languages=none"]),
      run("installing systemd and sshd", [...APT_INSTALL, "systemd", "systemd-sysv", "dbus", "openssh-server"]),
      run("removing the packages' files", ["apt-get", "clean"]),
      // Container images have a policy of their own against starting services. This is a machine now.
      { kind: "remove", paths: [POLICY_RC_D, "/var/lib/apt/lists/*"] },
    ],
  },
  fedora: {
    family: "fedora",
    init: "systemd",
    env: {},
    steps: [
      {
        kind: "run",
        label: "installing systemd and sshd",
        // dnf needs leave to replace the stand-alone parts of systemd that container images of Fedora have.
        choices: [
          ["dnf", "--assumeyes", "--setopt=install_weak_deps=False", "install", "--allowerasing"],
          ["microdnf", "--assumeyes", "--setopt=install_weak_deps=0", "install"],
          ["yum", "--assumeyes", "install"],
        ].map((command) => [...command, "systemd", "openssh-server"]),
      },
      enable("sshd.service"),
      {
        kind: "run",
        label: "removing the packages' files",
        choices: ["dnf", "microdnf", "yum"].map((program) => [program, "clean", "all"]),
      },
      // What it noted of them meanwhile.
      { kind: "remove", paths: ["/var/cache/dnf/*.json"] },
    ],
  },
  arch: {
    family: "arch",
    init: "systemd",
    env: {},
    steps: [
      // Arch knows no upgrade in part: a package list that is new asks for a system that is.
      run("installing systemd and sshd", [...PACMAN_UPGRADE, "systemd", "systemd-sysvcompat", "openssh"]),
      enable("sshd.service"),
      { kind: "remove", paths: ["/var/cache/pacman/pkg/*", "/var/lib/pacman/sync/*"] },
    ],
  },
  opensuse: {
    family: "opensuse",
    init: "systemd",
    env: {},
    steps: [
      run("updating the package lists", ["zypper", "--non-interactive", "refresh"], [ZYPPER_NOT_ALL_REFRESHED]),
      run("installing systemd and sshd", [...ZYPPER_INSTALL, "systemd", "openssh"], ZYPPER_INSTALLED),
      enable("sshd.service"),
      run("removing the packages' files", ["zypper", "--non-interactive", "clean", "--all"]),
    ],
  },
  alpine: {
    family: "alpine",
    init: "openrc",
    env: {},
    steps: [
      run("installing OpenRC and sshd", ["apk", "add", "--no-cache", "--no-progress", "openrc", "openssh"]),
      { kind: "write", path: "/etc/init.d/banger-vsock-agent", mode: "0755", content: AGENT_OPENRC_SERVICE },
      run("enabling the agent", ["rc-update", "add", "banger-vsock-agent", "sysinit"]),
      run("enabling sshd", ["rc-update", "add", "sshd", "default"]),
      // Its inittab asks for a login on six screens that a VM has not got; each would be tried again every second.
      run("leaving out the screens", ["sed", "-i", "s/^tty[0-9]/#&/", "/etc/inittab"]),
    ],
  },
};

function run(label: string, command: readonly string[], passes: readonly number[] = []): SystemStep {
  return { kind: "run", label, choices: [command], passes };
}

/** By files alone: no systemd runs yet that could be asked. */
function enable(unit: string): SystemStep {
  return run(`enabling ${unit}`, ["systemctl", "--root=/", "enable", unit]);
}
