#!/usr/bin/env bash
# Brings a file of Void Linux, from here or from a mirror, and holds it against its sum. For make-*-void.sh.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: fetch-void.sh FILE|URL TARGET [SHA256]

Puts the file at TARGET once its sum is the one given. A file of this host may come without a sum; a URL may not.
TEXT
}

die() { printf 'fetch-void: %s\n' "$*" >&2; exit 1; }

case "${1-}" in -h | --help) usage; exit 0 ;; esac
[[ $# -ge 2 && $# -le 3 ]] || { usage >&2; exit 2; }
from=$1 target=$2 sum=${3-}
[[ -z $sum || $sum =~ ^[0-9a-f]{64}$ ]] || die "$sum is no sha256 in hex"
readonly MAX_BYTES=2000000000

case $from in
  https://*)
    [[ -n $sum ]] || die "$from needs its sum: --sha256, from Void's own signed list"
    command -v curl >/dev/null || die "curl is missing; on Debian: apt-get install curl"
    printf 'fetching %s\n' "$from" >&2
    curl --fail --silent --show-error --location --proto '=https' --connect-timeout 10 --speed-time 60 --speed-limit 1024 \
      --max-filesize "$MAX_BYTES" --output "$target.part" -- "$from" || { rm -f -- "$target.part"; die "could not fetch $from"; }
    ;;
  *://*) die "only https:// is fetched, not $from" ;;
  *)
    [[ -r $from ]] || die "no such file: $from"
    cp --reflink=auto -- "$from" "$target.part"
    ;;
esac
if [[ -n $sum ]] && ! printf '%s  %s\n' "$sum" "$target.part" | sha256sum --check --status; then
  rm -f -- "$target.part"
  die "$from is not the file with the sum $sum; nothing was kept"
fi
mv -- "$target.part" "$target"
