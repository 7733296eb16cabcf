#!/usr/bin/env bash
# Finds or fetches the kernel source that scripts/make-generic-kernel.sh builds, and trusts none that is not vouched for:
# by the signature of a kernel.org release key, or by the package manager of Debian.
set -euo pipefail

readonly VERSION=6.12.117
readonly SERIES=6.12
readonly MIRROR=https://cdn.kernel.org/pub/linux/kernel/v6.x
readonly INSTALLED=/usr/src/linux-source-$SERIES.tar.xz
# Those who sign stable releases; https://www.kernel.org/category/signatures.html. gpg finds the keys by WKD.
readonly SIGNERS=(
  "647F28654894E3BD457199BE38DBBDC86092693E gregkh@kernel.org"
  "E27E5D8A3403A2EF66873BBCDEA66FF797772CDC sashal@kernel.org"
)

usage() {
  cat <<TEXT
usage: fetch-source.sh [--from auto|kernel.org|debian] [--mirror URL] [--keyring FILE] [--cache DIR]

Prints the path of a verified source tarball (.tar.xz) of Linux $SERIES as the last line of stdout.

  --from auto        (default) what is on this machine already, else kernel.org, else Debian's mirror
  --from kernel.org  linux-$VERSION.tar.xz, its signature checked against the keys of its release managers
  --from debian      linux-source-$SERIES: $INSTALLED if installed, else by apt-get download
  --mirror URL       folder that holds linux-$VERSION.tar.xz and .tar.sign (default $MIRROR)
  --keyring FILE     trust the OpenPGP keys in FILE (binary, as gpg --export writes) instead of asking kernel.org for them
  --cache DIR        where tarballs are kept (default \${XDG_CACHE_HOME:-~/.cache}/banger/kernels/sources)
TEXT
}

say() { printf '%s\n' "$*" >&2; }
die() { say "fetch-source: $*"; exit 1; }
need() { command -v "$1" >/dev/null || die "$1 is missing; on Debian: apt-get install $2"; }

from=auto mirror=$MIRROR keyring="" cache=${XDG_CACHE_HOME:-$HOME/.cache}/banger/kernels/sources
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --from | --mirror | --keyring | --cache)
      [[ $# -ge 2 ]] || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    *) usage >&2; exit 2 ;;
  esac
done

# Tarballs appear in the cache whole or not at all.
work=""
trap '[[ -z $work ]] || rm -rf -- "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
open_work() {
  mkdir -p -- "$cache"
  work=$(mktemp -d -- "$cache/.fetch-XXXXXX")
}

# Writes the release managers' keys to $1. A key found by address counts only if its fingerprint is the one above.
# The functions below are called in conditions, where `set -e` does not reach: each step that may fail says so itself.
collect_keys() {
  local home=$work/gnupg signer fingerprint address
  mkdir -m 700 -- "$home"
  for signer in "${SIGNERS[@]}"; do
    read -r fingerprint address <<<"$signer"
    gpg --homedir "$home" --batch --quiet --auto-key-locate clear,wkd --locate-external-keys "$address" >/dev/null 2>&1 ||
      say "no key found for $address"
    gpg --homedir "$home" --batch --quiet --export "$fingerprint" >>"$1" 2>/dev/null
  done
  gpgconf --homedir "$home" --kill all
  [[ -s $1 ]] || { say "no release key could be had from kernel.org; give one with --keyring"; return 1; }
}

kernel_org() {
  local name=linux-$VERSION keys=$keyring
  if [[ -f $cache/$name.tar.xz && -z $keyring ]]; then printf '%s\n' "$cache/$name.tar.xz"; return; fi
  need curl curl; need gpgv gpgv; need xz xz-utils
  open_work || return 1
  say "fetching $mirror/$name.tar.xz"
  local get=(curl --fail --silent --show-error --location --connect-timeout 10 --speed-time 60 --speed-limit 1024)
  "${get[@]}" --max-filesize 65536 --output "$work/sign" "$mirror/$name.tar.sign" || return 1
  "${get[@]}" --max-filesize 500000000 --output "$work/tar.xz" "$mirror/$name.tar.xz" || return 1
  if [[ -z $keys ]]; then
    need gpg gpg
    keys=$work/keys
    collect_keys "$keys" || return 1
  fi
  # gpgv takes a keyring without a slash to be in its home.
  xz --decompress --stdout "$work/tar.xz" | gpgv --keyring "$(realpath -- "$keys")" "$work/sign" - 2>"$work/verdict" || {
    sed 's/^/  /' "$work/verdict" >&2
    die "the signature of $name.tar.xz is not by a key that is trusted; nothing was kept"
  }
  mv -- "$work/tar.xz" "$cache/$name.tar.xz" || return 1
  printf '%s\n' "$cache/$name.tar.xz"
}

# dpkg knows the sum of what it installed; apt checks a download against the signed index.
debian() {
  local package=linux-source-$SERIES
  if [[ -f $INSTALLED ]]; then
    dpkg --verify "$package" | { ! grep -F -- "$INSTALLED" >&2; } || die "$INSTALLED is not what $package installed"
    printf '%s\n' "$INSTALLED"
    return
  fi
  if [[ -f $cache/$package.tar.xz ]]; then printf '%s\n' "$cache/$package.tar.xz"; return; fi
  need apt-get apt; need dpkg-deb dpkg
  open_work || return 1
  say "fetching $package by apt-get download"
  # apt drops privileges to a user that may not write here; it says so, and goes on.
  (cd -- "$work" && apt-get download --quiet "$package" >&2) || return 1
  dpkg-deb --fsys-tarfile "$work/$package"_*.deb | tar -xOf - ".$INSTALLED" >"$work/tar.xz" || return 1
  mv -- "$work/tar.xz" "$cache/$package.tar.xz" || return 1
  printf '%s\n' "$cache/$package.tar.xz"
}

case $from in
  kernel.org) kernel_org || die "could not fetch from $mirror" ;;
  debian) debian || die "could not fetch linux-source-$SERIES; on Debian 12 or later: apt-get update" ;;
  auto)
    if [[ -f $cache/linux-$VERSION.tar.xz ]]; then kernel_org; exit; fi
    if [[ -f $INSTALLED || -f $cache/linux-source-$SERIES.tar.xz ]]; then debian; exit; fi
    kernel_org && exit
    say "kernel.org was not reached; trying Debian's mirror"
    rm -rf -- "$work"
    debian || die "neither kernel.org nor a Debian mirror could be reached"
    ;;
  *) usage >&2; exit 2 ;;
esac
