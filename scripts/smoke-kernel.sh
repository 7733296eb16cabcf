#!/usr/bin/env bash
# Boots a kernel to a script of our own as init, and says what it found and how long it took: a first test for a kernel
# that someone built or pulled. Needs no root and no KVM.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: smoke-kernel.sh VMLINUX [--machine microvm|q35] [--accel tcg|kvm] [--timeout SECONDS]

Boots VMLINUX in QEMU with two CPUs and a virtio disk (ext4), network, serial port, entropy source and balloon.
Prints the guest's kernel release, the devices it saw and two times in milliseconds: from the launch of QEMU to the
first line of init, and the guest's own uptime there. The console goes to stderr when something is missing.
Exit status: 0 all there, 1 something was not, 2 wrong usage.
TEXT
}

say() { printf '%s\n' "$*" >&2; }
die() { say "smoke-kernel: $*"; exit 1; }

machine=microvm accel=tcg timeout=60 vmlinux=""
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --machine | --accel | --timeout)
      [[ $# -ge 2 ]] || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    -*) usage >&2; exit 2 ;;
    *) vmlinux=$1; shift ;;
  esac
done
[[ -n $vmlinux ]] || { usage >&2; exit 2; }
[[ -r $vmlinux ]] || die "no such kernel: $vmlinux"
case $machine in
  microvm) board=(-M "microvm,acpi=off,rtc=on,isa-serial=on,x-option-roms=off") bus=device ;;
  q35) board=(-M q35) bus=pci ;;
  *) usage >&2; exit 2 ;;
esac
for tool in qemu-system-x86_64:qemu-system-x86 mke2fs:e2fsprogs busybox:busybox-static; do
  command -v "${tool%%:*}" >/dev/null || die "${tool%%:*} is missing; on Debian: apt-get install ${tool#*:}"
done

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

mkdir -p -- "$work/root"/{bin,dev,proc,sys,tmp}
cp -- "$(command -v busybox)" "$work/root/bin/busybox"
ln -s busybox "$work/root/bin/sh"
cat >"$work/root/init" <<'INIT'
#!/bin/sh
busybox mount -t proc proc /proc
read -r up _ </proc/uptime
busybox echo "smoke: init"
busybox mount -t sysfs sysfs /sys
busybox echo "smoke: uptime $up"
busybox echo "smoke: release $(busybox uname -r)"
for node in vda vsock hwrng rtc0 fuse net/tun kmsg ptmx ttyS0; do
  [ -e "/dev/$node" ] && busybox echo "smoke: has $node"
done
for port in /sys/class/virtio-ports/*/name; do
  [ -e "$port" ] && busybox echo "smoke: has port-$(busybox cat "$port")"
done
[ -e /sys/class/net/eth0 ] && busybox echo "smoke: has eth0"
for device in /sys/bus/virtio/drivers/virtio_balloon/virtio*; do
  [ -e "$device" ] && busybox echo "smoke: has virtio_balloon"
done
busybox echo "smoke: has cpus-$(busybox nproc)"
# ip= was honoured before init, and an overlay can be laid over the root.
busybox ip -4 addr show eth0 | busybox grep -q 192.0.2.2 && busybox echo "smoke: has address"
busybox mount -t tmpfs none /tmp && busybox mkdir /tmp/u /tmp/w /tmp/m &&
  busybox mount -t overlay -o lowerdir=/bin,upperdir=/tmp/u,workdir=/tmp/w none /tmp/m && busybox echo "smoke: has overlay"
busybox mount -t cgroup2 none /tmp/w 2>/dev/null && busybox echo "smoke: cgroups $(busybox cat /tmp/w/cgroup.controllers)"
busybox echo "smoke: end"
busybox reboot -f
INIT
chmod +x -- "$work/root/init"
truncate --size 32M -- "$work/disk"
mke2fs -q -t ext4 -E root_owner=0:0 -d "$work/root" "$work/disk"

# A clock reading per console line; the pipe ends with QEMU, which the guest's reboot ends.
started=$(date +%s%3N)
timeout -- "$timeout" qemu-system-x86_64 "${board[@]}" -accel "$accel" -cpu max -smp 2 -m 256 \
  -nodefaults -no-user-config -display none -no-reboot -serial stdio -kernel "$vmlinux" \
  -append "console=ttyS0 reboot=t panic=-1 tsc=reliable no_timer_check root=/dev/vda rw init=/init ip=192.0.2.2::192.0.2.1:255.255.255.0::eth0:off" \
  -drive "if=none,id=disk,format=raw,file=$work/disk" -device "virtio-blk-$bus,drive=disk" \
  -netdev user,id=net,restrict=on,ipv6=off -device "virtio-net-$bus,netdev=net" \
  -device "virtio-serial-$bus" -chardev null,id=port -device virtserialport,chardev=port,name=smoke \
  -device "virtio-rng-$bus" -device "virtio-balloon-$bus" </dev/null 2>&1 |
  while IFS= read -r line; do
    printf '%s %s\n' "$(($(date +%s%3N) - started))" "${line%$'\r'}"
  done >"$work/console" || true

wanted=(cpus-2 vda vsock hwrng fuse net/tun kmsg ptmx ttyS0 port-smoke eth0 virtio_balloon address overlay)
# A microvm gives its fifth virtio device the interrupt of the clock chip, which then has no driver; its time is read.
[[ $machine == microvm ]] || wanted+=(rtc0)
missing=()
for want in "${wanted[@]}"; do
  grep -q "smoke: has $want\$" "$work/console" || missing+=("$want")
done
grep -q "smoke: end\$" "$work/console" || missing+=("the end of init")
if [[ ${#missing[@]} -gt 0 ]]; then
  cut -d ' ' -f 2- "$work/console" >&2
  die "not seen in the guest: ${missing[*]}"
fi
awk -v machine="$machine" '
  / smoke: init$/ { launch = $1 }
  / smoke: uptime / { uptime = $NF * 1000 }
  / smoke: release / { release = $NF }
  / smoke: cgroups / { sub(/.*smoke: cgroups /, ""); cgroups = $0 }
  END { printf "release %s\nmachine %s\nlaunch-to-init-ms %d\nuptime-at-init-ms %d\ncgroups %s\n", release, machine, launch, uptime, cgroups }
' "$work/console"
