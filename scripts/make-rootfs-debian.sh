#!/usr/bin/env bash
# Makes a root file system of Debian, from Debian's own packages, for `banger image register`. Needs no root.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: make-rootfs-debian.sh [--suite SUITE] [--package NAME]... [--size SIZE] [--out DIR] [--name NAME] [--mirror URL]

Makes NAME/rootfs.ext4 in DIR, with systemd and banger's agent in it. The last line of stdout is its path; progress goes to
stderr. About a minute; the packages of a suite are fetched once and kept in ~/.cache/banger/images.

  --suite SUITE   bookworm (default), trixie, bullseye, ...
  --package NAME  in place of systemd-sysv and dbus, beside a minimal Debian; may be repeated
  --size SIZE     of the file system, like 4G (default 8G; the file is sparse)
  --out DIR       where NAME/rootfs.ext4 is put (default: build/manual beside this script's folder)
  --name NAME     folder made in DIR (default: debian-SUITE)
  --mirror URL    Debian's archive (default: the one that this host's apt uses, else deb.debian.org)

Then: banger image register NAME --rootfs DIR/NAME/rootfs.ext4 --kernel-ref debian-cloud
The same packages give the same bytes. To make an image that banger owns, `banger image pull` needs no such file.
TEXT
}

say() { printf '%s\n' "$*" >&2; }
die() { say "make-rootfs-debian: $*"; exit 1; }

root=$(dirname -- "$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)")
suite=bookworm packages=() size="" out=$root/build/manual name="" mirror=""
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --package)
      [[ $# -ge 2 ]] || die "$1 needs a value"
      packages+=("$2")
      shift 2
      ;;
    --suite | --size | --out | --name | --mirror)
      [[ $# -ge 2 ]] || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    *) usage >&2; exit 2 ;;
  esac
done
[[ $suite =~ ^[a-z][a-z-]*$ ]] || die "--suite takes a suite's name, not $suite"
: "${name:=debian-$suite}"
[[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || die "--name takes letters, digits, dots and dashes, not $name"
[[ ${#packages[@]} -gt 0 ]] || packages=(systemd-sysv dbus)
for tool in mmdebstrap umoci; do
  command -v "$tool" >/dev/null || die "$tool is missing; on Debian: apt-get install $tool"
done
[[ -x $root/build/bin/banger-vsock-agent ]] || die "run make build first: the agent is put into the file system"
if [[ -n $mirror ]]; then export DEBIAN_MIRROR=$mirror; fi

mkdir -p -- "$out/$name"
work=$(mktemp -d -- "$out/$name/.work-XXXXXX")
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$root/scripts/make-debian-image.sh" "$suite" "$work/oci" "${packages[@]}" >&2
"$root/node_modules/.bin/node" --disable-warning=ExperimentalWarning "$root/scripts/rootfs/write-rootfs.ts" \
  "oci:$work/oci:$suite" "$out/$name/rootfs.ext4" ${size:+--size "$size"}
