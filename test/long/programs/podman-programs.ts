import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import type { ProgramGuest } from "./program-guest.ts";

/** Podman as a plain user, whose own systemd keeps the limits of what it runs. */
export function podmanPrograms(guest: () => ProgramGuest): void {
  suite("podman without root", () => {
    const run = (script: string): Promise<string> => guest().run(`cd; ${script}`, { user: "plain" });

    before(async () => {
      // Unless told, Debian's podman stores whole copies (vfs) wherever it runs.
      await run(`mkdir -p .config/containers; printf '%b\\n' '[storage]\ndriver = "overlay"' > .config/containers/storage.conf
        tar -C /tmp/root -c . | podman import -q - busybox`);
    });

    test("has overlay of the kernel's own, cgroups of its own, and a range of user ids", async () => {
      const store = '{{.Store.GraphDriverName}} {{index .Store.GraphStatus "Native Overlay Diff"}}';
      const host = "{{.Host.CgroupManager}} {{.Host.CgroupsVersion}} {{.Host.Security.Rootless}}";
      assert.equal(await run(`podman info --format '${store} ${host}'`), "overlay true systemd v2 true");
      assert.match(await run("podman unshare cat /proc/self/uid_map"), /^\s*0\s+\d+\s+1\n\s*1\s+100000\s+65536$/);
    });

    test("runs as root of its own, that is nobody outside", async () => {
      const script = "id -u; touch /shared/file; chown 5:5 /shared/file; cat /etc/shadow || echo none";
      await run("mkdir shared");
      assert.equal(await run(`podman run --rm -v ./shared:/shared busybox sh -c '${script}' 2>/dev/null`), "0\nnone");
      assert.equal(await run("stat -c %u shared/file"), "100004");
    });

    test("builds an image of another", async () => {
      const file = ["FROM localhost/busybox", "RUN echo built > /made && rm /bin/wget", 'CMD ["cat", "/made"]'];
      await run(`mkdir -p build; printf '%s\\n' ${file.map((line) => `'${line}'`).join(" ")} > build/Containerfile
        podman build -q -t built build`);
      assert.equal(await run("podman run --rm built"), "built");
      await assert.rejects(run("podman run --rm built wget --help"), /executable file/);
    });

    test("a pod shares its loopback, and publishes a port", async () => {
      await run(`podman pod create --name pod -p 8081:80
        podman run -d --pod pod busybox sh -c 'echo pod > /index.html; httpd -f -h /'`);
      assert.equal(await run("podman run --rm --pod pod busybox get 127.0.0.1"), "pod");
      assert.equal(await run("get 127.0.0.1 8081"), "pod");
      await run("podman pod rm -f -t 0 pod");
      await assert.rejects(run("get 127.0.0.1 8081"), /refused/);
    });

    test("two containers of one network know each other by name", async () => {
      await run(`podman network create inner
        podman run -d --name web --network inner busybox sh -c 'echo hello > /index.html; httpd -f -h /'`);
      const ask = (network: string, name: string): Promise<string> =>
        run(`podman run --rm --network ${network} busybox get ${name}`);
      assert.equal(await ask("inner", "web"), "hello");
      await assert.rejects(ask("slirp4netns", "web"), /unknown host/);
      await run("podman rm -f -t 0 web; podman network rm inner");
    });

    test("limits of memory and processes hold", async () => {
      const hungry = "dd if=/dev/zero of=/dev/null bs=90M count=1";
      const ends = (limit: string): Promise<string> =>
        run(`podman run --name eater ${limit} busybox sh -c '${hungry}' > /dev/null 2>&1 || :
          podman inspect --format '{{.State.ExitCode}}' eater; podman rm eater > /dev/null`);
      assert.equal(await ends("--memory 32m --memory-swap 32m"), "137");
      assert.equal(await ends("--memory 300m"), "0");
      const fork = "for n in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait";
      await assert.rejects(run(`podman run --rm --pids-limit 5 busybox sh -c '${fork}'`), /can't fork/);
    });
  });
}
