import { readFileSync } from "node:fs";

/** A tool of the host by what it is for, with the package that has it in each family of distributions. */
const PACKAGES = {
  qemu: {
    debian: "qemu-system-x86",
    fedora: "qemu-system-x86-core",
    arch: "qemu-system-x86",
    suse: "qemu-x86",
    alpine: "qemu-system-x86_64",
  },
  git: { debian: "git", fedora: "git", arch: "git", suse: "git", alpine: "git" },
  buildah: { debian: "buildah", fedora: "buildah", arch: "buildah", suse: "buildah", alpine: "buildah" },
  e2fsprogs: {
    debian: "e2fsprogs",
    fedora: "e2fsprogs",
    arch: "e2fsprogs",
    suse: "e2fsprogs",
    alpine: "e2fsprogs-extra",
  },
  "qemu-img": {
    debian: "qemu-utils",
    fedora: "qemu-img",
    arch: "qemu-img",
    suse: "qemu-img",
    alpine: "qemu-img",
  },
  ssh: {
    debian: "openssh-client",
    fedora: "openssh-clients",
    arch: "openssh",
    suse: "openssh-clients",
    alpine: "openssh-client-default",
  },
  sshfs: { debian: "sshfs", fedora: "fuse-sshfs", arch: "sshfs", suse: "sshfs", alpine: "sshfs" },
  nftables: {
    debian: "nftables",
    fedora: "nftables",
    arch: "nftables",
    suse: "nftables",
    alpine: "nftables",
  },
  slirp4netns: {
    debian: "slirp4netns",
    fedora: "slirp4netns",
    arch: "slirp4netns",
    suse: "slirp4netns",
    alpine: "slirp4netns",
  },
  iproute2: {
    debian: "iproute2",
    fedora: "iproute",
    arch: "iproute2",
    suse: "iproute2",
    alpine: "iproute2",
  },
  "util-linux": {
    debian: "util-linux",
    fedora: "util-linux",
    arch: "util-linux",
    suse: "util-linux",
    alpine: "util-linux-misc",
  },
} as const;

const INSTALL = {
  debian: "apt-get install",
  fedora: "dnf install",
  arch: "pacman -S",
  suse: "zypper install",
  alpine: "apk add",
} as const;

/** ID and ID_LIKE of os-release(5), by family. */
const FAMILIES: Readonly<Record<string, keyof typeof INSTALL>> = {
  debian: "debian",
  ubuntu: "debian",
  fedora: "fedora",
  rhel: "fedora",
  centos: "fedora",
  arch: "arch",
  suse: "suse",
  opensuse: "suse",
  alpine: "alpine",
};

/**
 * The one command that installs a tool on this distribution, as in `sudo apt-get install qemu-system-x86`.
 * Where the distribution is unknown, it names Debian's package.
 */
export function installHint(tool: keyof typeof PACKAGES, osRelease = readOsRelease()): string {
  const family = familyOf(osRelease);
  if (family === undefined) return `install the package that Debian calls ${PACKAGES[tool].debian}`;
  return `sudo ${INSTALL[family]} ${PACKAGES[tool][family]}`;
}

function familyOf(osRelease: string): keyof typeof INSTALL | undefined {
  const value = (key: string): string => new RegExp(`^${key}=["']?([^"'\\n]*)`, "m").exec(osRelease)?.[1] ?? "";
  const ids = [value("ID"), ...value("ID_LIKE").split(" ")];
  return ids.map((id) => FAMILIES[id]).find((family) => family !== undefined);
}

function readOsRelease(): string {
  try {
    return readFileSync("/etc/os-release", "utf8");
  } catch {
    return "";
  }
}
