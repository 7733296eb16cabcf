import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { DISK_PACKAGES, WITH_LOOPS } from "./disk-packages.ts";
import { cutPowerDuring } from "./power-cut.ts";
import { PROGRAM_KERNELS, ProgramGuest } from "./program-guest.ts";

/** File systems in files, each with how it is made, judged, and asked for its own. */
const FILE_SYSTEMS = {
  ext4: { make: "mkfs.ext4 -q", judge: "e2fsck -fn", shares: "" },
  xfs: { make: "mkfs.xfs -q", judge: "xfs_repair -n", shares: "cp --reflink=always" },
  btrfs: { make: "mkfs.btrfs -q", judge: "btrfs check", shares: "cp --reflink=always" },
} as const;

const SCRIPTS: Readonly<Record<string, string>> = {
  "btrfs: a snapshot keeps what was, send and receive copy it, a quota group holds": `
    one=$(disk snapshots 300M) && mkfs.btrfs -q $one && mount $one /mnt/disk
    btrfs subvolume create /mnt/disk/now && fill /mnt/disk/now 10000000
    btrfs subvolume snapshot -r /mnt/disk/now /mnt/disk/then && rm /mnt/disk/now/file && holds /mnt/disk/then
    refused touch /mnt/disk/then/more && mkdir /mnt/disk/away
    btrfs send -q /mnt/disk/then | btrfs receive -q /mnt/disk/away && holds /mnt/disk/away/then
    btrfs quota enable /mnt/disk && btrfs qgroup limit 16M /mnt/disk/now
    refused dd if=/dev/zero of=/mnt/disk/now/big bs=1M count=32 && grep -i quota /tmp/refused
    btrfs subvolume delete /mnt/disk/then && btrfs scrub start -B /mnt/disk && umount /mnt/disk && btrfs check $one && losetup -d $one`,

  "quotas of ext4 and XFS stop a user": `
    one=$(disk quota-ext4 64M) && mkfs.ext4 -q -O quota -E quotatype=usrquota:prjquota $one
    mount -o usrquota $one /mnt/disk && chmod 1777 /mnt/disk && setquota -u nobody 0 4096 0 0 /mnt/disk
    refused setpriv --reuid nobody --regid nogroup --clear-groups dd if=/dev/zero of=/mnt/disk/big bs=1M count=8
    grep -i 'quota' /tmp/refused && [ $(stat -c %s /mnt/disk/big) -le 4194304 ] && repquota -u /mnt/disk
    umount /mnt/disk && losetup -d $one
    one=$(disk quota-xfs 320M) && mkfs.xfs -q $one && mount -o uquota,pquota $one /mnt/disk && chmod 1777 /mnt/disk
    xfs_quota -x -c 'limit bhard=4m nobody' /mnt/disk
    refused setpriv --reuid nobody --regid nogroup --clear-groups dd if=/dev/zero of=/mnt/disk/big bs=1M count=8
    grep -i 'quota' /tmp/refused && [ $(stat -c %s /mnt/disk/big) -le 4194304 ]
    umount /mnt/disk && losetup -d $one`,

  "sparse files larger than 4 GiB read back, take no room, and copy as they are": `
    cd /srv && rm -f wide copy && truncate -s 6G wide
    echo beyond | dd of=wide bs=1 seek=5368709120 conv=notrunc status=none
    [ "$(dd if=wide bs=1 skip=5368709120 count=7 status=none)" = beyond ] && [ $(stat -c %s wide) = 6442450944 ]
    [ $(du -k wide | cut -f 1) -lt 100 ] && cp --sparse=always wide copy && [ $(du -k copy | cut -f 1) -lt 100 ]
    [ "$(dd if=copy bs=1 skip=5368709120 count=7 status=none)" = beyond ]
    fallocate -l 32M full && [ $(du -m full | cut -f 1) = 32 ] && fallocate -p -o 1M -l 30M full && [ $(du -m full | cut -f 1) = 2 ]
    rm wide copy full`,

  "inotify tells of what others do": `
    mkdir -p /srv/watched && cd /srv/watched && rm -rf ./* && inotifywait -q -m -r -e create,moved_to,close_write,delete --format '%e %f' . > /tmp/told 2>/tmp/ready &
    watcher=$!; for n in $(seq 50); do grep -q . /proc/$watcher/fdinfo/* 2>/dev/null && grep -q ^inotify /proc/$watcher/fdinfo/* && break; sleep 0.1; done
    cd /srv/watched && echo a > one && mv one two && rm two && sleep 1 && kill $watcher
    printf 'CREATE one\\nCLOSE_WRITE,CLOSE one\\nMOVED_TO two\\nDELETE two\\n' | diff - /tmp/told`,
};

/** Appends a number to each file and replaces another by a rename, both with fsync; then tells the number. */
const WRITER = `import os, sys
homes = sys.argv[1:]
logs = [os.open(home + "/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for home in homes]
folders = [os.open(home, os.O_RDONLY) for home in homes]
n = 0
while True:
    n += 1
    for home, log, folder in zip(homes, logs, folders):
        os.write(log, b"%07d\\n" % n)
        os.fsync(log)
        new = os.open(home + "/new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(new, b"%07d\\n" % n * 1000)
        os.fsync(new)
        os.close(new)
        os.rename(home + "/new", home + "/last")
        os.fsync(folder)
    os.write(2, b"%d\\n" % n)
`;

/** Whether each home holds all up to a number, and no torn file. */
const READER = `import sys
least = int(sys.argv[1])
for home in sys.argv[2:]:
    lines = open(home + "/log", "rb").read().split(b"\\n")[:-1]
    assert lines == [b"%07d" % n for n in range(1, len(lines) + 1)], home + "/log is torn"
    assert len(lines) >= least, "%s/log has %d of %d" % (home, len(lines), least)
    last = open(home + "/last", "rb").read()
    assert last == last[:8] * 1000 and int(last[:8]) >= least, "%s/last is torn or old: %r" % (home, last[:8])
print("all there")
`;

/** A root disk, a work disk, and each file system in a file of the root's. */
const HOMES = "/srv/log /work/log /srv/mnt/ext4 /srv/mnt/xfs /srv/mnt/btrfs";
const MOUNTS = "for fs in ext4 xfs btrfs; do mount -o loop /srv/cut-$fs /srv/mnt/$fs; done";

for (const kernel of PROGRAM_KERNELS) {
  suite(`file systems on ${kernel}`, { timeout: 1_800_000 }, () => {
    let guest: ProgramGuest;

    before(async () => {
      const options = ["--work-disk", "256M"];
      guest = await ProgramGuest.start({ kernel, packages: DISK_PACKAGES, options });
      await guest.write("/usr/local/bin/writer.py", Buffer.from(WRITER));
      await guest.write("/usr/local/bin/reader.py", Buffer.from(READER));
    });

    after(() => guest[Symbol.asyncDispose]());

    for (const [fs, { make, judge, shares }] of Object.entries(FILE_SYSTEMS)) {
      test(`${fs} in a file is made, mounted, filled, judged sound, and mounted again`, async () => {
        await guest.run(`${WITH_LOOPS}
          one=$(disk ${fs} 320M) && ${make} $one && mount $one /mnt/disk && fill /mnt/disk 20000000
          ln /mnt/disk/file /mnt/disk/link && mkfifo /mnt/disk/pipe
          python3 -c 'import os; os.setxattr("/mnt/disk/file", "user.word", b"kept")'
          ${shares === "" ? "true" : `${shares} /mnt/disk/file /mnt/disk/shared && cmp /mnt/disk/file /mnt/disk/shared`}
          umount /mnt/disk && ${judge} $one && mount $one /mnt/disk && holds /mnt/disk
          python3 -c 'import os; assert os.getxattr("/mnt/disk/link", "user.word") == b"kept"' && umount /mnt/disk
          dd if=/dev/urandom of=$one bs=4096 seek=1 count=100 conv=notrunc,fsync status=none
          dd if=/dev/urandom of=$one bs=4096 seek=16384 count=100 conv=notrunc,fsync status=none
          refused ${judge} $one && losetup -d $one`);
      });
    }

    for (const [name, script] of Object.entries(SCRIPTS)) {
      test(name, async () => {
        await guest.run(`${WITH_LOOPS}\n${script}`);
      });
    }

    test("what fsync has acknowledged survives power cuts, on each disk and file system", async (t) => {
      await guest.run(`cd /srv && mkdir -p ${HOMES} && truncate -s 320M cut-ext4 cut-xfs cut-btrfs
        mkfs.ext4 -q cut-ext4 && mkfs.xfs -q cut-xfs && mkfs.btrfs -q cut-btrfs && sync`);
      for (let cut = 1; cut <= 2; cut += 1) {
        await guest.run(`${MOUNTS}; rm -f ${HOMES.replaceAll(/(\S+)/g, "$1/log $1/last")}; sync`);
        const acknowledged = await cutPowerDuring(guest, `exec python3 /usr/local/bin/writer.py ${HOMES}`, 10 * cut);
        t.diagnostic(`cut ${cut}: ${acknowledged} acknowledged`);
        await guest.startAgain();
        await guest.run(`${MOUNTS}; python3 /usr/local/bin/reader.py ${acknowledged} ${HOMES}
          umount /srv/mnt/*; e2fsck -fn /srv/cut-ext4 && xfs_repair -n /srv/cut-xfs && btrfs check /srv/cut-btrfs`);
      }
    });

    test("what was never synced is lost: the cuts are real, and the judge sees it", async () => {
      const careless = WRITER.replaceAll(/^ *os\.fsync.*\n/gm, "");
      assert.notEqual(careless, WRITER);
      await guest.write("/usr/local/bin/careless.py", Buffer.from(careless));
      await guest.run("mkdir -p /srv/log; rm -f /srv/log/*; sync; echo 0 > /proc/sys/vm/dirty_writeback_centisecs");
      const told = await cutPowerDuring(guest, "exec python3 /usr/local/bin/careless.py /srv/log", 50);
      await guest.startAgain();
      await assert.rejects(
        guest.run(`python3 /usr/local/bin/reader.py ${told} /srv/log`),
        /AssertionError|No such file/,
      );
    });
  });
}
