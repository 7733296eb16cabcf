import assert from "node:assert/strict";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { execa } from "execa";

const SCRIPT = fileURLToPath(new URL("../kernel/check-config.sh", import.meta.url));
const FRAGMENT = fileURLToPath(new URL("../kernel/generic.config", import.meta.url));

async function check(fragment: string, config: string): Promise<{ readonly status: number; readonly lines: string[] }> {
  await using dir = await mkdtempDisposable(join(tmpdir(), "kernel-config-"));
  const asked = join(dir.path, "fragment");
  const made = join(dir.path, "config");
  await writeFile(asked, fragment);
  await writeFile(made, config);
  const result = await execa(SCRIPT, [asked, made], { reject: false });
  return { status: result.exitCode ?? -1, lines: result.stdout.split("\n").filter((line) => line !== "") };
}

test("a configuration that has all that was asked for passes", async () => {
  const asked =
    '# group: one\nCONFIG_A=y\n# CONFIG_B is not set\n# CONFIG_C is not set\nCONFIG_NAME="a=b"\nCONFIG_NUMBER=4\n';
  const made = 'CONFIG_NUMBER=4\nCONFIG_NAME="a=b"\n# CONFIG_B is not set\nCONFIG_A=y\nCONFIG_OTHER=y\n';
  assert.deepEqual(await check(asked, made), { status: 0, lines: [] });
});

test("each option that was lost, changed or forced on is named", async () => {
  const asked = "CONFIG_GONE=y\nCONFIG_OFF=y\nCONFIG_NUMBER=4\n# CONFIG_FORCED is not set\nCONFIG_KEPT=y\n";
  const made = "# CONFIG_OFF is not set\nCONFIG_NUMBER=1\nCONFIG_FORCED=y\nCONFIG_KEPT=y\n";
  assert.deepEqual(await check(asked, made), {
    status: 1,
    lines: [
      "CONFIG_GONE: asked for y, is n",
      "CONFIG_OFF: asked for y, is n",
      "CONFIG_NUMBER: asked for 4, is 1",
      "CONFIG_FORCED: asked for n, is y",
    ],
  });
});

test("a line that is no option, and an option asked for twice, are mistakes of the fragment", async () => {
  assert.deepEqual(await check("CONFIG_A=y\nCONFG_B=y\nCONFIG_A=y\n", "CONFIG_A=y\n"), {
    status: 1,
    lines: ["line 2: not an option: CONFG_B=y", "CONFIG_A: asked for twice"],
  });
});

test("our own fragment asks for each option once, and is well formed", async () => {
  const ours = await readFile(FRAGMENT, "utf8");
  assert.deepEqual(await check(ours, ours), { status: 0, lines: [] });
});

/**
 * What programs ask of a kernel, by the lists that they come with: options that can be asked for by name; what others bring
 * along is not listed. RT_GROUP_SCHED, which docker names too, is what systemd asks to be without.
 */
const ASKED: Readonly<Record<string, string>> = {
  "docker (contrib/check-config.sh)": `NAMESPACES NET_NS PID_NS IPC_NS UTS_NS CGROUPS CGROUP_CPUACCT CGROUP_DEVICE
    CGROUP_FREEZER CGROUP_SCHED CPUSETS MEMCG KEYS VETH BRIDGE BRIDGE_NETFILTER IP_NF_FILTER IP_NF_TARGET_MASQUERADE
    IP_NF_MANGLE IP_NF_RAW IP6_NF_FILTER IP6_NF_MANGLE IP6_NF_NAT IP6_NF_RAW NETFILTER_XT_MATCH_ADDRTYPE
    NETFILTER_XT_MATCH_CONNTRACK NETFILTER_XT_MATCH_IPVS NETFILTER_XT_MARK IP_NF_NAT NF_NAT POSIX_MQUEUE CGROUP_BPF USER_NS
    SECCOMP SECCOMP_FILTER CGROUP_PIDS BLK_CGROUP BLK_DEV_THROTTLING CGROUP_PERF CGROUP_HUGETLB NET_CLS_CGROUP
    CGROUP_NET_PRIO CFS_BANDWIDTH FAIR_GROUP_SCHED IP_NF_TARGET_REDIRECT IP_VS IP_VS_NFCT IP_VS_PROTO_TCP IP_VS_PROTO_UDP
    IP_VS_RR NFT_CT NFT_FIB_IPV4 NFT_FIB_IPV6 NFT_MASQ NFT_NAT NF_TABLES EXT4_FS EXT4_FS_POSIX_ACL EXT4_FS_SECURITY VXLAN
    BRIDGE_VLAN_FILTERING CRYPTO CRYPTO_GCM CRYPTO_SEQIV CRYPTO_GHASH XFRM_USER INET_ESP NETFILTER_XT_MATCH_BPF IPVLAN
    MACVLAN DUMMY NF_CONNTRACK_FTP NF_CONNTRACK_TFTP BTRFS_FS BTRFS_FS_POSIX_ACL OVERLAY_FS`,
  "systemd (README)": `DEVTMPFS CGROUPS INOTIFY_USER SIGNALFD TIMERFD EPOLL UNIX SYSFS PROC_FS FHANDLE DMIID NET_NS USER_NS IPV6
    AUTOFS_FS TMPFS_XATTR TMPFS_POSIX_ACL TMPFS_QUOTA SECCOMP SECCOMP_FILTER KCMP NET_SCH_FQ_CODEL CGROUP_SCHED
    FAIR_GROUP_SCHED CFS_BANDWIDTH BPF_SYSCALL BPF_JIT CGROUP_BPF PSI MEMCG CRYPTO_USER_API_HASH CRYPTO_HMAC CRYPTO_SHA256
    DM_VERITY`,
  "kubelet (system-validators)": `NAMESPACES NET_NS PID_NS IPC_NS UTS_NS CGROUPS CGROUP_BPF CGROUP_CPUACCT CGROUP_DEVICE
    CGROUP_FREEZER CGROUP_PIDS CGROUP_SCHED CPUSETS MEMCG INET EXT4_FS PROC_FS NETFILTER_XT_TARGET_REDIRECT
    NETFILTER_XT_MATCH_COMMENT FAIR_GROUP_SCHED OVERLAY_FS BLK_DEV_DM CFS_BANDWIDTH CGROUP_HUGETLB SECCOMP SECCOMP_FILTER`,
  "CRIU (criu check)": `CHECKPOINT_RESTORE MEM_SOFT_DIRTY UNIX_DIAG INET_DIAG INET_UDP_DIAG INET_RAW_DIAG PACKET_DIAG
    NETLINK_DIAG INET_DIAG_DESTROY USERFAULTFD TUN NETFILTER_XT_MARK FHANDLE EPOLL`,
  "WireGuard and strongSwan": `WIREGUARD XFRM_USER XFRM_INTERFACE INET_AH INET_ESP INET_IPCOMP INET6_AH INET6_ESP
    NETFILTER_XT_MATCH_POLICY CRYPTO_AUTHENC CRYPTO_CBC CRYPTO_CTR CRYPTO_GCM CRYPTO_HMAC CRYPTO_SHA256 CRYPTO_SHA512
    CRYPTO_CHACHA20POLY1305`,
  "resize2fs, cryptsetup, LVM, mdadm and losetup": `BLK_DEV_WRITE_MOUNTED BLK_DEV_LOOP BLK_DEV_DM DM_CRYPT DM_INTEGRITY
    DM_SNAPSHOT DM_THIN_PROVISIONING DM_MIRROR CRYPTO_XTS CRYPTO_ESSIV CRYPTO_AES CRYPTO_USER_API_SKCIPHER BLK_DEV_MD
    MD_RAID1 BTRFS_FS ZRAM`,
  "bubblewrap, podman and coding agents' sandboxes": `USER_NS SECURITY_LANDLOCK SECURITY_YAMA SECCOMP_FILTER OVERLAY_FS FUSE_FS TUN
    CGROUP_BPF NETKIT`,
  bpftrace: "BPF_SYSCALL BPF_JIT BPF_EVENTS KPROBES KPROBE_EVENTS UPROBE_EVENTS FTRACE_SYSCALLS PERF_EVENTS",
};

for (const [program, options] of Object.entries(ASKED)) {
  test(`our own fragment has what is asked for by ${program}`, async () => {
    const ours = new Set((await readFile(FRAGMENT, "utf8")).split("\n"));
    const missing = options.split(/\s+/).filter((option) => !ours.has(`CONFIG_${option}=y`));
    assert.deepEqual(missing, []);
  });
}

test("what is built in makes no interface in each guest", async () => {
  const words = /^CONFIG_CMDLINE="(.*)"$/m.exec(await readFile(FRAGMENT, "utf8"))?.[1]?.split(" ");
  assert.deepEqual(words, ["dummy.numdummies=0", "ifb.numifbs=0", "bonding.max_bonds=0", "fb_tunnels=none"]);
});

test("a missing file is wrong usage", async () => {
  const result = await execa(SCRIPT, [FRAGMENT, "/nonexistent"], { reject: false });
  assert.equal(result.exitCode, 2);
});
