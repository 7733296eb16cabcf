#!/usr/bin/env bash
# Brings what banger needs from the distribution: looks for each thing, says what is missing and why, installs it by apt.
# Asks nothing and takes a few milliseconds when all is there.
# usage: scripts/setup.sh NEED...     NEED: build go run demo images test kernel lint
set -euo pipefail
cd "$(dirname "$0")/.."
readonly tools=build/tools # packages that are unpacked here, not installed: see unpack_packages
PATH=$PWD/$tools/usr/bin:$PATH:/usr/sbin:/sbin

case $(uname -m) in
  aarch64) readonly qemu_package=qemu-system-arm qemu=qemu-system-aarch64 ;;
  *) readonly qemu_package=qemu-system-x86 qemu=qemu-system-x86_64 ;;
esac

# need | package | how | what shows that it is there: a command, or a file | why
# how: install, or unpack where its service must not start
table() {
  cat <<EOF
build|ca-certificates|install|/etc/ssl/certs/ca-certificates.crt|the certificates that downloads are checked against
build|npm|install|npm|fetches Node 24 and the libraries that package-lock.json names
go|golang-go|install|go|builds the program that runs inside each VM
run|$qemu_package|install|$qemu|runs the virtual machines
run|qemu-utils|install|qemu-img|makes the copy-on-write disk of each VM
run|e2fsprogs|install|mke2fs|makes and checks ext4 file systems
run|openssh-client|install|ssh|banger vm ssh is your own OpenSSH
run|nftables|install|nft|the wall between VMs, and translation of their addresses
run|iproute2|install|ip|makes the network devices of VMs
run|slirp4netns|install|slirp4netns|joins the network of a VM to the outside where banger runs without root
run|debian-archive-keyring|install|/usr/share/keyrings/debian-archive-keyring.gpg|the keys that sign Debian's kernels
demo|umoci|install|umoci|writes the OCI images that demo and tests import
demo|busybox-static|install|/bin/busybox|the whole of the image that has no init
images|mmdebstrap|install|mmdebstrap|makes a Debian image where no registry can be reached
images|skopeo|install|skopeo|pushes them to a registry, and judges our own reading of them
images|docker-registry|unpack|docker-registry|the registry that they are pulled from, on loopback
test|attr|install|setfattr|layers with extended attributes
test|acl|install|setfacl|layers with access control lists
test|dmsetup|install|dmsetup|disks that device mapper puts together, tried in a guest whose kernel has it
test|cpio|install|cpio|judges our initramfs
test|xz-utils|install|xz|judges our reading of kernel packages
test|zstd|install|zstd|layers packed with zstd
test|minisign|install|minisign|judges our reading of signatures, and signs kernels to be published
test|buildah|install|buildah|builds a Containerfile, for image build
test|kmod|install|modinfo|judges our reading of kernel modules
test|openssl|install|openssl|makes the certificates of a registry of our own
test|python3|install|python3|writes tar files that judge our reader
test|btrfs-progs|install|mkfs.btrfs|another file system with reflinks
test|xfsprogs|install|mkfs.xfs|a file system with reflinks, for disks that share blocks
long|libarchive-tools|install|bsdtar|judges our reading of tar archives
long|gnupg|install|gpg|signs packages of other distributions
long|rpm|install|rpmbuild|makes packages for dnf and zypper
long|createrepo-c|install|createrepo_c|lists them
long|makepkg|install|/usr/share/makepkg/util/message.sh|is what repo-add is made of
long|pacman-package-manager|install|repo-add|lists packages for pacman
long|ansible-core|install|ansible-playbook|works on a VM as on any machine
long|rsync|install|rsync|copies to and from VMs
test|git|install|git|copies work trees into VMs, and judges the copies
test|sshfs|install|sshfs|banger mount
long|tmux|install|tmux|a terminal whose size changes
long|python3-pip|install|pip3|fetches packages of Python for VMs to install
long|cargo|install|cargo|fetches crates for VMs to build
long|golang-go|install|go|fetches modules of Go for VMs to build
kernel|gcc|install|gcc|compiles the kernel that boots without an initrd
kernel|make|install|make|compiles it
kernel|flex|install|flex|compiles it
kernel|bison|install|bison|compiles it
kernel|bc|install|bc|compiles it
kernel|libelf-dev|install|/usr/include/libelf.h|compiles it
kernel|libssl-dev|install|/usr/include/openssl/ssl.h|compiles it
lint|git|install|git|lists the files to check
lint|shellcheck|install|shellcheck|checks the shell scripts
EOF
  [ "$(id -u)" = 0 ] || echo "images|uidmap|install|newuidmap|lets mmdebstrap work without root"
}

is_there() {
  case $1 in
    /*) [ -e "$1" ] ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# A fresh machine or container has no package lists yet, and old lists name packages that the mirror has dropped.
update_once() {
  [ -z "${updated:-}" ] || return 0
  updated=yes
  echo "setup: apt-get update"
  as_root apt-get -qq update
}

known_to_apt() {
  [ -n "$(apt-cache madison "$1" 2>/dev/null)" ]
}

install_packages() {
  echo "setup: apt-get install $*"
  local -a apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install)
  as_root "${apt[@]}" "$@" >/dev/null && return
  update_once
  as_root "${apt[@]}" "$@" >/dev/null
}

# Debian's docker-registry starts a service on port 5000 when it is installed; we want the program only.
unpack_packages() {
  local package dir
  dir=$(mktemp -d)
  for package in "$@"; do
    echo "setup: unpacking $package into $tools (not installed: its service is not wanted)"
    (cd "$dir" && apt-get -qq download "$package" 2>/dev/null) || { update_once; (cd "$dir" && apt-get -qq download "$package"); }
  done
  mkdir -p "$tools"
  for package in "$dir"/*.deb; do dpkg -x "$package" "$tools"; done
  rm -r "$dir"
}

install=() unpack=()
for need in "$@"; do
  while IFS='|' read -r of package how shown why; do
    if [ "$of" != "$need" ] || is_there "$shown"; then continue; fi
    printf 'setup: %-24s missing: %s\n' "$package" "$why"
    case $how in
      install) install+=("$package") ;;
      unpack) unpack+=("$package") ;;
    esac
  done < <(table)
done
[ $((${#install[@]} + ${#unpack[@]})) -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "setup: these are Debian's names; install what your distribution calls ${install[*]} ${unpack[*]}, then run this again" >&2
  exit 1
fi
if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null && [ ${#install[@]} -gt 0 ]; then
  echo "setup: run this as root, then try again: apt-get install --no-install-recommends ${install[*]}" >&2
  exit 1
fi

for package in "${install[@]}" "${unpack[@]}"; do known_to_apt "$package" || update_once; done
[ ${#install[@]} -eq 0 ] || install_packages "${install[@]}"
[ ${#unpack[@]} -eq 0 ] || unpack_packages "${unpack[@]}"
