import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ProgramGuest } from "./program-guest.ts";

/** What looks into processes, or stops them here to go on there. */
export function processPrograms(guest: () => ProgramGuest): void {
  const run = (script: string): Promise<string> => guest().run(script);

  suite("CRIU", () => {
    test("finds what it needs", async () => {
      assert.match(await run("criu check 2>&1"), /^Looks good\.$/m);
    });

    test("a process that counts goes on where it was, after it was dumped and ended", async () => {
      const count = "n=0; while :; do n=$((n + 1)); echo $n > /tmp/count; sleep 0.1; done";
      const pid = await run(`setsid bash -c '${count}' < /dev/null > /dev/null 2>&1 & echo $!`);
      await run(
        `rm -rf /tmp/dump; mkdir /tmp/dump; sleep 1; criu dump -t ${pid} -D /tmp/dump -v4 -o log || { tail -20 /tmp/dump/log; exit 1; }`,
      );
      const before = Number(await run(`! kill -0 ${pid} 2>/dev/null; cat /tmp/count; echo 0 > /tmp/count`));
      assert.ok(before > 0);
      await run(`criu restore -d -D /tmp/dump -v4 -o log2 || { tail -20 /tmp/dump/log2; exit 1; }`);
      const after = Number(await run(`sleep 1; cat /tmp/count; kill ${pid}`));
      assert.ok(after > before, `${after} after ${before}`);
      await run(`while kill -0 ${pid} 2>/dev/null; do sleep 0.1; done`);
    });
  });

  suite("bpftrace", () => {
    const trace = (probe: string): string =>
      `(while :; do cat /etc/hostname > /dev/null; sleep 0.2; done) & trap "kill $!" EXIT
      timeout 300 bpftrace -e '${probe} /comm == "cat"/ { printf("seen %s\\n", comm); exit(); }' 2>&1`;

    for (const probe of ["kprobe:do_sys_openat2", "tracepoint:syscalls:sys_enter_openat", "kretprobe:vfs_read"]) {
      test(`sees ${probe}`, async () => {
        assert.match(await run(trace(probe)), /^seen cat$/m);
      });
    }

    test("objects to a function that the kernel has not got", async () => {
      await assert.rejects(run(trace("kprobe:no_such_function")), /no_such_function/);
    });
  });

  suite("FUSE", () => {
    test("a plain user mounts by fuse2fs, squashfuse and bindfs", async () => {
      const plain = (script: string): Promise<string> => guest().run(`cd; ${script}`, { user: "plain" });
      await plain(
        "mkdir -p e s b source; echo text > source/file; truncate -s 16M e.img; /usr/sbin/mke2fs -q -E root_owner=$(id -u):$(id -g) -d source e.img",
      );
      await plain("mksquashfs source s.img -quiet -no-progress > /dev/null");
      await plain("fuse2fs e.img e && squashfuse s.img s && bindfs -r source b");
      assert.equal(await plain("cat e/file s/file b/file; echo more > e/other; cat e/other"), "text\ntext\ntext\nmore");
      assert.match(await plain("for m in e s b; do findmnt -n -o FSTYPE $m; done"), /^fuse[^]*\nfuse[^]*\nfuse/);
      await assert.rejects(plain("echo x > b/file"), /Read-only|Permission denied/);
      await plain("fusermount -u e && fusermount -u s && fusermount -u b && ls -A b e s | grep -c file && exit 1 || :");
    });
  });

  suite("kubelet", () => {
    const preflight = "/usr/local/bin/kubelet-preflight";
    test("the validators that kubeadm runs before a kubelet object to nothing", async (t) => {
      const said = await run(preflight);
      t.diagnostic(
        said
          .split("\n")
          .filter((line) => line.startsWith("warning:"))
          .join("; "),
      );
      assert.match(said, /CONFIG_CGROUP_BPF.*enabled/);
      assert.match(said, /CGROUPS_MEMORY.*enabled/);
    });

    test("they object to an option that is missing", async () => {
      await assert.rejects(run(`${preflight} NO_SUCH_OPTION`), /unexpected kernel config: CONFIG_NO_SUCH_OPTION/);
    });
  });
}
