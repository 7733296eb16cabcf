#!/usr/bin/env bash
# Makes a root file system of Void Linux, from a rootfs tarball of Void's. Experimental. Needs no root.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: make-rootfs-void.sh --from FILE|URL [--sha256 SUM] [--size SIZE] [--out DIR] [--name NAME]

Makes NAME/rootfs.ext4 in DIR of a void-x86_64-ROOTFS-….tar.xz, with banger's agent in it. The last line of stdout is its
path; progress goes to stderr. `make rootfs-void FROM=…` does the same.

  --from WHERE    the tarball: a file that you trust, or where a mirror of Void has it
                  (https://repo-default.voidlinux.org/live/current/…)
  --sha256 SUM    its sum, in hex, as Void's signed sha256sum.sig has it; needed for a URL
  --size SIZE     of the file system, like 4G (default 8G; the file is sparse)
  --out DIR       where NAME/rootfs.ext4 is put (default: build/manual beside this script's folder)
  --name NAME     folder made in DIR (default: void)

Void's init is runit. banger's agent is PID 1 of a VM of it, and runs commands and SSH; services of runit are not started.
TEXT
}

say() { printf '%s\n' "$*" >&2; }
die() { say "make-rootfs-void: $*"; exit 1; }

root=$(dirname -- "$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)")
from="" sha256="" size="" out=$root/build/manual name=void
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --from | --sha256 | --size | --out | --name)
      [[ $# -ge 2 ]] || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    *) usage >&2; exit 2 ;;
  esac
done
[[ -n $from ]] || { usage >&2; exit 2; }
[[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || die "--name takes letters, digits, dots and dashes, not $name"
for tool in umoci:umoci xz:xz-utils tar:tar; do
  command -v "${tool%%:*}" >/dev/null || die "${tool%%:*} is missing; on Debian: apt-get install ${tool#*:}"
done
[[ -x $root/build/bin/banger-vsock-agent ]] || die "run make build first: the agent is put into the file system"

mkdir -p -- "$out/$name"
work=$(mktemp -d -- "$out/$name/.work-XXXXXX")
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$root/scripts/rootfs/fetch-void.sh" "$from" "$work/rootfs.tar.xz" "$sha256"
xz --decompress --stdout -- "$work/rootfs.tar.xz" >"$work/rootfs.tar" || die "$from is no .tar.xz"
tar --list --file "$work/rootfs.tar" | grep -E '^(\./)?(usr/lib|etc)/os-release$' >/dev/null ||
  die "$from holds no os-release: it is no root file system"

say "writing the file system"
umoci init --layout "$work/oci"
umoci new --image "$work/oci:void"
umoci raw add-layer --image "$work/oci:void" --history.created 1970-01-01T00:00:00Z "$work/rootfs.tar"
umoci config --image "$work/oci:void" --no-history --created 1970-01-01T00:00:00Z --config.cmd /bin/sh \
  --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
"$root/node_modules/.bin/node" --disable-warning=ExperimentalWarning "$root/scripts/rootfs/write-rootfs.ts" \
  "oci:$work/oci:void" "$out/$name/rootfs.ext4" ${size:+--size "$size"}
