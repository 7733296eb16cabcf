#!/usr/bin/env bash
# Gives banger the kernel and the root file system that make-kernel-void.sh and make-rootfs-void.sh made. Experimental.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: void-register.sh [--out DIR] [--name NAME]

Registers DIR/NAME/rootfs.ext4 as the image NAME, which boots DIR/NAME/vmlinuz with its modules. banger copies the kernel and
uses the root file system where it lies; `banger image promote NAME` copies that too. `make void-register` does the same.

  --out DIR    where make-kernel-void.sh and make-rootfs-void.sh put NAME (default: build/manual beside this script's folder)
  --name NAME  the folder in DIR, and what banger is to call the image (default: void)

Then: banger vm create --name box --image NAME
TEXT
}

die() { printf 'void-register: %s\n' "$*" >&2; exit 1; }

root=$(dirname -- "$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)")
out=$root/build/manual name=void
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --out | --name)
      [[ $# -ge 2 ]] || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    *) usage >&2; exit 2 ;;
  esac
done
readonly made=$out/$name banger=$root/build/bin/banger
[[ -f $made/vmlinuz ]] || die "there is no $made/vmlinuz; make it with make-kernel-void.sh (make void-kernel FROM=…)"
[[ -f $made/rootfs.ext4 ]] || die "there is no $made/rootfs.ext4; make it with make-rootfs-void.sh (make rootfs-void FROM=…)"
[[ -x $banger ]] || die "run make build first"

"$banger" image register "$name" --rootfs "$made/rootfs.ext4" --kernel "$made/vmlinuz" --modules "$made/modules"
