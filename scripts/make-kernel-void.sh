#!/usr/bin/env bash
# Takes the kernel out of a kernel package of Void Linux, for `banger kernel import`. Experimental.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: make-kernel-void.sh --from FILE|URL [--sha256 SUM] [--out DIR] [--name NAME]

Unpacks linuxX.Y-….x86_64.xbps into NAME/{vmlinuz,config,modules} in DIR. The last line of stdout is the path of vmlinuz;
progress goes to stderr. `make void-kernel FROM=…` does the same.

  --from WHERE    the package: a file that you trust, or where a mirror of Void has it
                  (https://repo-default.voidlinux.org/current/…)
  --sha256 SUM    its sum, in hex, as `xbps-query -R --property=filename-sha256` on a Void system tells; needed for a URL
  --out DIR       where NAME is put (default: build/manual beside this script's folder)
  --name NAME     folder made in DIR (default: void)

Then: banger kernel import void --vmlinux DIR/NAME/vmlinuz --modules DIR/NAME/modules
TEXT
}

say() { printf '%s\n' "$*" >&2; }
die() { say "make-kernel-void: $*"; exit 1; }

root=$(dirname -- "$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)")
from="" sha256="" out=$root/build/manual name=void
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --from | --sha256 | --out | --name)
      [[ $# -ge 2 ]] || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    *) usage >&2; exit 2 ;;
  esac
done
[[ -n $from ]] || { usage >&2; exit 2; }
[[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || die "--name takes letters, digits, dots and dashes, not $name"
for tool in tar:tar zstd:zstd xz:xz-utils; do
  command -v "${tool%%:*}" >/dev/null || die "${tool%%:*} is missing; on Debian: apt-get install ${tool#*:}"
done

mkdir -p -- "$out/$name"
work=$(mktemp -d -- "$out/$name/.work-XXXXXX")
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$root/scripts/rootfs/fetch-void.sh" "$from" "$work/package" "$sha256"
say "unpacking $from"
mkdir -- "$work/tree"
# A package is a tar packed with zstd, or with xz before 2021. Nothing of it is run, INSTALL least of all.
case $(head --bytes 4 -- "$work/package" | od -An -tx1 | tr -d ' ') in
  28b52ffd) unpack=(zstd --decompress --stdout --quiet) ;;
  fd377a58) unpack=(xz --decompress --stdout) ;;
  *) die "$from is no package of Void: it is packed with neither zstd nor xz" ;;
esac
"${unpack[@]}" -- "$work/package" | tar --extract --directory "$work/tree" --no-same-owner --no-same-permissions ||
  die "$from is damaged"

# The text after a key of a property list, which has one element a line.
value_of() { awk -v key="<key>$2</key>" 'found { gsub(/.*<string>|<\/string>.*/, ""); print; exit } index($0, key) { found = 1 }' "$1"; }
# The sum that files.plist has for a path.
sum_of() {
  awk -v path="<string>$1</string>" '
    index($0, path) { here = 1 }
    here && next_is { gsub(/.*<string>|<\/string>.*/, ""); print; exit }
    here && /<key>sha256<\/key>/ { next_is = 1 }' "$work/tree/files.plist"
}

[[ -f $work/tree/props.plist && -f $work/tree/files.plist ]] || die "$from is no package of Void: it lacks props.plist or files.plist"
package=$(value_of "$work/tree/props.plist" pkgname)
version=$(value_of "$work/tree/props.plist" version)
[[ $package =~ ^linux[0-9.]+$ ]] || die "$from is the package ${package:-of no name}, and no kernel"
kernels=("$work/tree"/boot/vmlinuz-*)
[[ ${#kernels[@]} -eq 1 && -f ${kernels[0]} ]] || die "$from holds no /boot/vmlinuz"
release=${kernels[0]##*/vmlinuz-}
modules=$work/tree/usr/lib/modules/$release
[[ -d $modules ]] || die "$from holds no modules of $release"
sum=$(sum_of "/boot/vmlinuz-$release")
[[ $sum == "$(sha256sum <"${kernels[0]}" | cut -d ' ' -f 1)" ]] || die "the kernel in $from is not the one that its files.plist names"

target=$out/$name
rm -rf -- "$work/modules"
mv -- "$modules" "$work/modules"
mv -- "${kernels[0]}" "$work/vmlinuz"
[[ ! -f $work/tree/boot/config-$release ]] || mv -- "$work/tree/boot/config-$release" "$work/config"
rm -rf -- "$target/modules"
for part in modules config vmlinuz; do
  [[ ! -e $work/$part ]] || mv -T -- "$work/$part" "$target/$part"
done
say "$package $version: Linux $release"
printf '%s\n' "$target/vmlinuz"
