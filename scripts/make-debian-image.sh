#!/usr/bin/env bash
# Makes an OCI image of Debian from Debian's own packages, for where no registry can be reached.
# Made once for each suite and set of packages and kept in ~/.cache/banger/images. Same packages in, same image out.
# usage: scripts/make-debian-image.sh SUITE OUT_OCI_DIR [PACKAGE...]     makes OUT_OCI_DIR:SUITE
# DEBIAN_MIRROR is the archive to take from: otherwise the one that this host's apt uses, else deb.debian.org.
set -euo pipefail

[ $# -ge 2 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
readonly suite=$1 out=$2
packages=$(printf '%s\n' "${@:3}" | sort -u | paste -sd,)

# No file in the layer is younger than this (1 January 2025), whenever it is made.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1735689600}
created=$(date --utc --date="@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)

key=$(printf '%s\n' "$suite" "$packages" "$created" "$(cat "$0")" | sha256sum | cut -c1-16)
readonly cache=${XDG_CACHE_HOME:-$HOME/.cache}/banger/images
readonly kept=$cache/$suite-$key

host_mirror() {
  # shellcheck disable=SC2016 # apt's placeholder, not ours
  apt-get indextargets --format '$(REPO_URI)' "Codename: $suite" 2>/dev/null | sort -u | head -n 1
}

make_image() { # DIR
  local image=$1/oci:$suite mirror=${DEBIAN_MIRROR:-$(host_mirror)}
  mmdebstrap --quiet --variant=minbase ${packages:+--include="$packages"} \
    --aptopt='Acquire::Languages "none"' --dpkgopt='path-exclude=/usr/share/man/*' \
    "$suite" "$1/rootfs.tar" "${mirror:-http://deb.debian.org/debian}"
  umoci init --layout "$1/oci"
  umoci new --image "$image"
  umoci raw add-layer --image "$image" --history.created "$created" --history.created_by mmdebstrap "$1/rootfs.tar"
  umoci config --image "$image" --no-history --created "$created" --config.cmd bash \
    --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  umoci gc --layout "$1/oci" 2>/dev/null
}

if [ ! -d "$kept" ]; then
  echo "making a Debian $suite image from Debian's packages (about half a minute, once)"
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/.making.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  make_image "$work"
  # Another run may have been quicker: then its image is the one.
  mv -T "$work/oci" "$kept" 2>/dev/null || [ -d "$kept" ]
fi

if cmp -s "$kept/index.json" "$out/index.json"; then exit 0; fi
mkdir -p "$(dirname "$out")"
copy=$(mktemp -d "$out.XXXXXX")
cp -rlT "$kept" "$copy" 2>/dev/null || cp -rT "$kept" "$copy"
rm -rf "$out"
mv -T "$copy" "$out"
