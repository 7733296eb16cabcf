import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { DISK_PACKAGES, WITH_LOOPS } from "./disk-packages.ts";
import { PROGRAM_KERNELS, ProgramGuest } from "./program-guest.ts";

/** Disks that are put together from others, each from loop devices of its own. */
const VOLUMES: Readonly<Record<string, string>> = {
  "LVM: a volume over two disks grows with its file system, and a snapshot keeps what was": `
    one=$(disk lvm-1 96M); two=$(disk lvm-2 96M); three=$(disk lvm-3 96M)
    pvcreate -q $one $two && vgcreate -q many $one $two
    lvcreate -q -n data -L 120M many && mkfs.ext4 -q /dev/many/data && mount /dev/many/data /mnt/disk
    fill /mnt/disk 10000000 && sync
    vgextend -q many $three && lvextend -q -r -L +80M many/data
    [ $(df --output=size -m /mnt/disk | tail -n 1) -gt 150 ]
    lvcreate -q -s -n then -L 32M many/data && echo changed > /mnt/disk/file
    refused holds /mnt/disk
    mkdir -p /mnt/then && mount -o ro /dev/many/then /mnt/then && holds /mnt/then && umount /mnt/then
    lvremove -qf many/then && umount /mnt/disk && e2fsck -fn /dev/many/data
    vgchange -an many && refused test -b /dev/many/data && vgchange -ay many && mount /dev/many/data /mnt/disk
    [ "$(cat /mnt/disk/file)" = changed ] && umount /mnt/disk && vgremove -qf many && losetup -d $one $two $three`,

  "LVM: a thin pool gives more than it has, and thin snapshots are whole": `
    one=$(disk thin 128M) && pvcreate -q $one && vgcreate -q thin $one
    lvcreate -q --type thin-pool -L 64M -n pool thin && lvcreate -q -V 1G --thinpool pool -n data thin
    mkfs.ext4 -q -E nodiscard /dev/thin/data && mount /dev/thin/data /mnt/disk && fill /mnt/disk 5000000
    lvcreate -q -s -kn -n then thin/data && rm /mnt/disk/file && umount /mnt/disk
    mount /dev/thin/then /mnt/disk && holds /mnt/disk && umount /mnt/disk
    vgremove -qf thin && losetup -d $one`,

  "LUKS: what is written is not in clear, and only the right key opens it": `
    one=$(disk luks 64M); printf right > /tmp/right; printf wrong > /tmp/wrong
    cryptsetup luksFormat -q --type luks2 --pbkdf argon2id --pbkdf-memory 64 --pbkdf-parallel 1 --pbkdf-force-iterations 4 $one /tmp/right
    cryptsetup open --key-file /tmp/right $one secret && mkfs.ext4 -q /dev/mapper/secret && mount /dev/mapper/secret /mnt/disk
    fill /mnt/disk 5000000 && yes "in clear" | head -c 1000000 > /mnt/disk/text && umount /mnt/disk
    grep -q "in clear" /dev/mapper/secret && refused grep -q "in clear" $one
    cryptsetup close secret && refused cryptsetup open --key-file /tmp/wrong $one secret
    cryptsetup open --key-file /tmp/right $one secret && mount /dev/mapper/secret /mnt/disk && holds /mnt/disk
    umount /mnt/disk && cryptsetup close secret && losetup -d $one`,

  "dm-integrity and dm-verity: bytes that were changed below are refused": `
    one=$(disk integrity 32M); printf right > /tmp/right
    cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --integrity hmac-sha256 --integrity-no-wipe $one /tmp/right
    cryptsetup open --integrity-no-journal --key-file /tmp/right $one sealed
    dd if=/dev/zero of=/dev/mapper/sealed bs=1M count=4 oflag=direct status=none
    dd if=/dev/mapper/sealed of=/dev/null bs=1M count=4 iflag=direct status=none
    cryptsetup close sealed
    dd if=/dev/urandom of=$one bs=1M seek=18 count=1 conv=fsync status=none
    cryptsetup open --integrity-no-journal --key-file /tmp/right $one sealed
    refused dd if=/dev/mapper/sealed of=/dev/null bs=1M count=4 iflag=direct && cryptsetup close sealed && losetup -d $one
    data=$(disk verity 8M); hash=$(disk verity-hash 1M); mkfs.ext4 -q $data
    root=$(veritysetup format $data $hash | sed -n 's/^Root hash:[^0-9a-f]*//p')
    veritysetup open $data vouched $hash $root && mount -o ro /dev/mapper/vouched /mnt/disk && umount /mnt/disk
    veritysetup close vouched && dd if=/dev/urandom of=$data bs=4096 seek=100 count=1 conv=fsync status=none
    veritysetup open $data vouched $hash $root
    refused dd if=/dev/mapper/vouched of=/dev/null bs=4096 iflag=direct && veritysetup close vouched && losetup -d $data $hash`,

  "md: a mirror goes on with one disk, and is made whole again": `
    one=$(disk md-1 48M); two=$(disk md-2 48M); three=$(disk md-3 48M)
    mdadm --create /dev/md0 --quiet --run --level 1 --raid-devices 2 --metadata 1.2 $one $two
    mkfs.ext4 -q /dev/md0 && mount /dev/md0 /mnt/disk && fill /mnt/disk 10000000
    mdadm --quiet --wait /dev/md0 || true
    mdadm --quiet /dev/md0 --fail $one && mdadm --quiet /dev/md0 --remove $one && grep -F '[_U]' /proc/mdstat
    holds /mnt/disk && echo more > /mnt/disk/more && mdadm --quiet /dev/md0 --add $three
    mdadm --quiet --wait /dev/md0 || true
    grep -F '[UU]' /proc/mdstat && umount /mnt/disk && mdadm --quiet --stop /dev/md0
    mdadm --assemble --quiet --run /dev/md0 $three && mount /dev/md0 /mnt/disk && holds /mnt/disk && [ "$(cat /mnt/disk/more)" = more ]
    umount /mnt/disk && mdadm --quiet --stop /dev/md0 && losetup -d $one $two $three`,

  "md: disks in a row and mirrored rows (RAID 0 and 10)": `
    one=$(disk row-1 32M); two=$(disk row-2 32M); three=$(disk row-3 32M); four=$(disk row-4 32M)
    mdadm --create /dev/md1 --quiet --run --level 0 --raid-devices 2 $one $two && mkfs.ext4 -qF /dev/md1
    mount /dev/md1 /mnt/disk && fill /mnt/disk 20000000 && holds /mnt/disk && umount /mnt/disk && mdadm --quiet --stop /dev/md1
    mdadm --zero-superblock $one $two
    mdadm --create /dev/md1 --quiet --run --level 10 --raid-devices 4 $one $two $three $four && mkfs.ext4 -qF /dev/md1
    mount /dev/md1 /mnt/disk && fill /mnt/disk 20000000 && mdadm --quiet /dev/md1 --fail $two && holds /mnt/disk
    umount /mnt/disk && mdadm --quiet --stop /dev/md1 && losetup -d $one $two $three $four`,
};

for (const kernel of PROGRAM_KERNELS) {
  suite(`volumes on ${kernel}`, { timeout: 1_800_000 }, () => {
    let guest: ProgramGuest;

    before(async () => {
      guest = await ProgramGuest.start({ kernel, packages: DISK_PACKAGES });
    });

    after(() => guest[Symbol.asyncDispose]());

    for (const [name, script] of Object.entries(VOLUMES)) {
      test(name, async () => {
        await guest.run(`${WITH_LOOPS}\n${script}`);
      });
    }

    test("no unit of the guest has failed over it", async () => {
      assert.equal(await guest.run("systemctl list-units --failed --plain --no-legend"), "");
    });
  });
}
