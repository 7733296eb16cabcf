#!/usr/bin/env bash
# Makes an OCI image that holds busybox-static and nothing else: no init, no sshd, no package manager. Needs no root.
# usage: scripts/make-busybox-image.sh OUT_OCI_DIR     makes OUT_OCI_DIR:latest
set -euo pipefail

[ $# -eq 1 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
readonly image=$1:latest busybox=/bin/busybox

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/bin" "$work/root/etc" "$work/root/tmp"
cp "$busybox" "$work/root/bin/busybox"
"$busybox" --list | while read -r applet; do
  # An init would be started as one: this image is to have none.
  case $applet in busybox | init | linuxrc) ;; *) ln -s busybox "$work/root/bin/$applet" ;; esac
done
echo 'root:x:0:0:root:/:/bin/sh' >"$work/root/etc/passwd"
echo 'root:x:0:' >"$work/root/etc/group"
tar --create --file "$work/layer.tar" --directory "$work/root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner .

umoci init --layout "$1"
umoci new --image "$image"
umoci raw add-layer --image "$image" --history.created 1970-01-01T00:00:00Z "$work/layer.tar"
umoci config --image "$image" --no-history --created 1970-01-01T00:00:00Z --config.cmd sh --config.env PATH=/bin
umoci gc --layout "$1" 2>/dev/null
