#!/usr/bin/env bash
# Says which options of a fragment are not what they were asked to be in a finished .config.
# Kconfig drops an option silently when something it depends on is off; a lost option shows only in a guest, much later.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: check-config.sh FRAGMENT CONFIG

Compares each "CONFIG_X=value" and "# CONFIG_X is not set" line of FRAGMENT with CONFIG, and prints each that differs.
Exit status: 0 all as asked, 1 some differ, 2 wrong usage.
TEXT
}

case "${1-}" in -h | --help) usage; exit 0 ;; esac
if [[ $# -ne 2 || ! -r $1 || ! -r $2 ]]; then usage >&2; exit 2; fi

# A line that is neither an option nor a comment is a typing error, and would otherwise be asked for in vain.
awk '
  function note(text) { print text; bad++ }
  {
    if ($0 ~ /^CONFIG_[A-Za-z0-9_]+=/) { name = substr($0, 1, index($0, "=") - 1); value = substr($0, index($0, "=") + 1) }
    else if ($0 ~ /^# CONFIG_[A-Za-z0-9_]+ is not set$/) { name = $2; value = "n" }
    else if ($0 ~ /^#|^$/) next
    else if (reading == "fragment") { note("line " FNR ": not an option: " $0); next }
    else next
  }
  reading == "fragment" { if (name in asked) note(name ": asked for twice"); asked[name] = value; order[++count] = name; next }
  { found[name] = value }
  END {
    for (i = 1; i <= count; i++) {
      name = order[i]; is = (name in found) ? found[name] : "n"
      if (is != asked[name]) note(name ": asked for " asked[name] ", is " is)
    }
    exit bad > 0
  }
' reading=fragment "$1" reading=config "$2"
