import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { whyNoLab } from "../../helpers/network-lab.ts";
import { LinkedGuests, type Side } from "./linked-guests.ts";

const other = { left: "right", right: "left" } as const;
const SIDES = ["left", "right"] as const;

/** Takes a lock on the whole file, says so, and holds it until it is killed. */
const HOLD = `import fcntl, sys, time
with open(sys.argv[1], "r+") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    open("/tmp/held", "w").close()
    time.sleep(3600)
`;
const UNTIL_HELD = "for n in $(seq 300); do [ -e /tmp/held ] && exit; sleep 0.1; done; exit 1";
/** Tries the same lock without waiting: "free" or "taken". */
const TRY = `import fcntl, sys
with open(sys.argv[1], "r+") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        print("free")
    except OSError:
        print("taken")
`;
const python = (program: string, path: string): string => `python3 -c '${program.replaceAll("'", `'"'"'`)}' ${path}`;

const skip = (await whyNoLab()) ?? false;

/** What two VMs of different kernels are to each other. */
suite("two VMs that may reach each other: WireGuard, NFS, sshfs", { skip, timeout: 2_400_000 }, () => {
  let guests: LinkedGuests;

  before(async () => {
    guests = await LinkedGuests.start();
  });

  after(() => guests[Symbol.asyncDispose]());

  test("WireGuard joins them by wg-quick, and only with the right keys", async () => {
    const key = { left: "", right: "" };
    for (const side of SIDES) key[side] = await guests.run(side, "umask 077; wg genkey");
    const tunnel: Readonly<Record<Side, string>> = { left: "10.99.0.1", right: "10.99.0.2" };
    for (const side of SIDES) {
      const peer = other[side];
      const peerKey = await guests.run(side, "wg pubkey", key[peer]);
      const conf = `[Interface]\nAddress = ${tunnel[side]}/24\nListenPort = 51820\nPrivateKey = ${key[side]}
[Peer]\nPublicKey = ${peerKey}\nAllowedIPs = ${tunnel[peer]}/32\nEndpoint = ${guests.address(peer)}:51820\n`;
      await guests.run(side, "umask 077; cat > /etc/wireguard/wg0.conf; systemctl start wg-quick@wg0", conf);
    }
    for (const side of SIDES) await guests.run(side, `ping -c 3 -W 10 ${tunnel[other[side]]}`);
    assert.match(await guests.run("left", "wg show wg0 latest-handshakes"), /\t[1-9]\d+$/);

    const serve = `import http.server; http.server.test(http.server.SimpleHTTPRequestHandler, bind="${tunnel.right}", port=8000)`;
    await guests.run(
      "right",
      `mkdir -p /srv/www && cd /srv/www && head -c 5000000 /dev/urandom > big
      systemd-run -q --unit served --working-directory /srv/www python3 -c '${serve}'`,
    );
    const get = `import hashlib, urllib.request; print(hashlib.sha256(urllib.request.urlopen("http://${tunnel.right}:8000/big").read()).hexdigest())`;
    const sum = await guests.run("right", "sha256sum < /srv/www/big | cut -d ' ' -f 1");
    assert.equal(
      await guests.run("left", `for n in 1 2 3 4 5 6 7 8 9; do python3 -c '${get}' && exit; sleep 1; done`),
      sum,
    );

    await guests.run("right", "wg set wg0 private-key <(wg genkey)");
    await guests.run("left", "systemctl restart wg-quick@wg0");
    await assert.rejects(guests.run("left", `ping -c 2 -W 3 ${tunnel.right}`), /100% packet loss/);
    for (const side of SIDES) await guests.run(side, "systemctl stop wg-quick@wg0; ! ip link show wg0 2>/dev/null");
  });

  /** A client's mount of an export: files, names, attributes, a lock that the other side sees, and the way off again. */
  const useExport = async (client: Side, source: string, kept: string, lockAt: Side, seenAt: string): Promise<void> => {
    await guests.run(
      client,
      `mkdir -p /mnt/nfs && mount -t nfs4 -o hard,timeo=100 ${source} /mnt/nfs && findmnt -t nfs4 /mnt/nfs`,
    );
    const use = `cd /mnt/nfs && head -c 5000000 /dev/urandom > big && sha256sum big > sums && ln -s big name && mkdir -p a/b
      mv sums a/b/sums && chmod 640 big && for n in $(seq 50); do echo $n > a/$n; done && sync
      cd / && umount /mnt/nfs && mount -t nfs4 -o hard,timeo=100 ${source} /mnt/nfs && cd /mnt/nfs && sha256sum -c a/b/sums
      [ "$(cat a/* 2>/dev/null | wc -l)" = 50 ] && [ "$(stat -c %a big)" = 640 ] && [ "$(readlink name)" = big ]`;
    await guests.run(client, use);
    await guests.run(other[client], `cd ${kept} && sha256sum -c a/b/sums`);
    const lock = python(HOLD, "/mnt/nfs/big");
    await guests.run(client, `rm -f /tmp/held; systemd-run -q --unit lock ${lock}; ${UNTIL_HELD}`);
    assert.equal(await guests.run(lockAt, python(TRY, seenAt)), "taken");
    await guests.run(client, "systemctl stop lock");
    assert.equal(await guests.run(lockAt, python(TRY, seenAt)), "free");
    await guests.run(client, "umount /mnt/nfs; ! findmnt /mnt/nfs");
  };

  test("NFSv4: debian-cloud's own server, generic-6.12 as the client", async () => {
    await guests.run(
      "right",
      `mkdir -p /srv/nfs && echo '/srv/nfs ${guests.address("left")}(rw,no_root_squash,no_subtree_check)' > /etc/exports
      systemctl stop nfs-ganesha; systemctl restart nfs-server && systemctl is-active nfs-server`,
    );
    await useExport("left", `${guests.address("right")}:/srv/nfs`, "/srv/nfs", "right", "/srv/nfs/big");
    await assert.rejects(
      guests.run("right", `mount -t nfs4 -o retry=0 ${guests.address("right")}:/srv/nfs /mnt`),
      /denied|not permitted|No such/,
    );
    await guests.run("right", "systemctl stop nfs-server");
  });

  test("NFSv4: nfs-ganesha on generic-6.12, debian-cloud as the client", async () => {
    const conf = `NFS_CORE_PARAM { Protocols = 4; }\nNFSv4 { Grace_Period = 5; Lease_Lifetime = 5; }
EXPORT { Export_Id = 1; Path = /srv/nfs; Pseudo = /data; Access_Type = RW; Squash = No_Root_Squash; SecType = sys; FSAL { Name = VFS; } }\n`;
    await guests.run(
      "left",
      "mkdir -p /srv/nfs /mnt/own; cat > /etc/ganesha/ganesha.conf; systemctl restart nfs-ganesha",
      conf,
    );
    const own = `for n in $(seq 30); do mount -t nfs4 127.0.0.1:/data /mnt/own && exit; sleep 2; done; exit 1`;
    await guests.run("left", own);
    await useExport("right", `${guests.address("left")}:/data`, "/srv/nfs", "left", "/mnt/own/big");
    await guests.run("left", "umount /mnt/own; systemctl stop nfs-ganesha");
  });

  for (const side of SIDES) {
    test(`sshfs mounts the other's files, with ${side} as the client`, async () => {
      const server = other[side];
      await guests.run(side, "[ -e /root/.ssh/id_ed25519 ] || ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519");
      const key = await guests.run(side, "cat /root/.ssh/id_ed25519.pub");
      await guests.run(
        server,
        "mkdir -p -m 700 /root/.ssh /srv/ssh; cat > /root/.ssh/authorized_keys; systemctl is-active ssh",
        key,
      );
      const source = `root@${guests.address(server)}:/srv/ssh`;
      await guests.run(
        side,
        `mkdir -p /mnt/ssh && sshfs -o StrictHostKeyChecking=accept-new ${source} /mnt/ssh && findmnt -t fuse.sshfs /mnt/ssh
        cd /mnt/ssh && head -c 5000000 /dev/urandom > big && sha256sum big > sums && mkdir a && mv sums a && sha256sum -c a/sums`,
      );
      await guests.run(server, "cd /srv/ssh && sha256sum -c a/sums && echo back > answer");
      assert.equal(
        await guests.run(side, "cat /mnt/ssh/answer; cd /; fusermount3 -u /mnt/ssh || fusermount -u /mnt/ssh"),
        "back",
      );
      await guests.run(server, "rm /root/.ssh/authorized_keys");
      await assert.rejects(guests.run(side, `sshfs -o BatchMode=yes ${source} /mnt/ssh`), /reset|denied/);
    });
  }
});
