#!/usr/bin/env bash
# Assembles src/host/kvm-probe-guest.S and prints the ELF file in base64, for kvm-probe-guest.ts.
# Needs binutils. Only who changes the probe runs it; a test compares its output with what is committed.
set -euo pipefail

source_file="$(dirname "$0")/../src/host/kvm-probe-guest.S"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

cat > "$work/probe.ld" <<'LD'
ENTRY(_start)
PHDRS { guest PT_LOAD FLAGS(7); note PT_NOTE FLAGS(4); }
SECTIONS {
  . = 0x100000;
  .text : { *(.text) } :guest
  .note : { *(.note.pvh) } :guest :note
  .bss : { *(.bss) } :guest
  /DISCARD/ : { *(*) }
}
LD

as --64 -o "$work/probe.o" "$source_file"
ld -m elf_x86_64 --no-warn-rwx-segments --build-id=none --nmagic --strip-all \
  -T "$work/probe.ld" -o "$work/probe.elf" "$work/probe.o"
base64 --wrap=100 "$work/probe.elf"
