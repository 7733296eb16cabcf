/** Of Debian, for all tests of disks: one image for them. */
export const DISK_PACKAGES = [
  "udev",
  "kmod",
  "python3-minimal",
  "xfsprogs",
  "btrfs-progs",
  "quota",
  "lvm2",
  "cryptsetup-bin",
  "mdadm",
  "inotify-tools",
  "thin-provisioning-tools",
] as const;

/** Words of bash for those tests: `disk NAME SIZE` makes a file and prints the loop device that holds it. */
export const WITH_LOOPS = `
mkdir -p /srv/disks /mnt/disk
disk() { truncate -s "$2" "/srv/disks/$1" && losetup --find --show "/srv/disks/$1"; }
fill() { head -c "$2" /dev/urandom > "$1/file" && mkdir "$1/many" && (cd "$1/many" && seq 500 | xargs touch) && (cd "$1" && sha256sum file > sums); }
holds() { (cd "$1" && sha256sum --quiet -c sums) && [ "$(ls "$1/many" | wc -l)" = 500 ]; }
refused() { if "$@" >/tmp/refused 2>&1; then echo "this was not refused: $*" >&2; return 1; fi; }
`;
