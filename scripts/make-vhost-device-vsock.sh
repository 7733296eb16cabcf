#!/usr/bin/env bash
# Builds rust-vmm's vhost-device-vsock, which gives a guest of QEMU a vsock whose host side is a unix socket that speaks as
# Firecracker's does: the stand-in for Firecracker (test/stand-in) needs it. Takes a CPU minute the first time; prints the
# program's path. Exits with 3 where there is no Rust that can build it.
set -euo pipefail

readonly version=0.3.0
readonly oldest_rust=1.85 # the 2024 edition, which what it is made of is written in
readonly home=${XDG_CACHE_HOME:-$HOME/.cache}/banger/tools/vhost-device-vsock-$version

mkdir -p "$home"
PATH=$PATH:$HOME/.cargo/bin
exec 9>"$home/.lock"
flock 9
if [ ! -x "$home/bin/vhost-device-vsock" ]; then
  found=$(cargo --version 2>/dev/null | cut -d ' ' -f 2) || found=
  if [ -z "$found" ] || ! printf '%s\n' "$oldest_rust" "$found" | sort --version-sort --check=quiet; then
    echo "vhost-device-vsock is built by cargo $oldest_rust or later, and ${found:-no cargo} is here" >&2
    exit 3
  fi
  echo "building vhost-device-vsock $version, for a minute" >&2
  build=$(mktemp -d)
  trap 'rm -rf "$build"' EXIT
  CARGO_TARGET_DIR=$build cargo install --quiet --locked --root "$build/root" --version "$version" vhost-device-vsock >&2
  mkdir -p "$home/bin"
  mv "$build/root/bin/vhost-device-vsock" "$home/bin/"
fi
echo "$home/bin/vhost-device-vsock"
