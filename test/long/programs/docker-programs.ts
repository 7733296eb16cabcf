import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { ProgramGuest } from "./program-guest.ts";

/** Docker as Debian has it. The image is made of busybox in the guest: there is no registry. */
export function dockerPrograms(guest: () => ProgramGuest): void {
  suite("docker", () => {
    const run = (script: string): Promise<string> => guest().run(script);

    before(async () => {
      await run("tar -C /tmp/root -c . | docker import - busybox");
    });

    test("finds overlay2, cgroups of version 2 by systemd, seccomp, and nothing to warn of", async () => {
      const format = "{{.Driver}} {{.CgroupDriver}} {{.CgroupVersion}} {{.SecurityOptions}} {{.Warnings}}";
      const said = await run(`docker info --format '${format}'`);
      assert.match(said, /^overlay2 systemd 2 \[.*name=seccomp,profile=default.*name=cgroupns\] \[\]$/);
    });

    test("builds from scratch, with layers over layers", async () => {
      const file = ["FROM scratch", "ADD root.tar /", "RUN echo built > /made && rm /bin/wget", 'CMD ["cat", "/made"]'];
      await run(`mkdir -p /tmp/build && tar -C /tmp/root -cf /tmp/build/root.tar .
        printf '%s\\n' ${file.map((line) => `'${line}'`).join(" ")} > /tmp/build/Dockerfile
        docker build -q -t built /tmp/build`);
      assert.equal(await run("docker run --rm built"), "built");
      await assert.rejects(run("docker run --rm built wget --help"), /executable file not found/);
    });

    test("two containers of one network know each other by name; one of another network does not", async () => {
      await run(`docker network create inner && docker network create other
        docker run -d --name web --network inner -p 8080:80 busybox sh -c 'echo hello > /index.html; httpd -f -h /'`);
      const ask = (network: string, host: string): Promise<string> =>
        run(`docker run --rm --network ${network} busybox get ${host}`);
      assert.equal(await ask("inner", "web"), "hello");
      const format = "{{.NetworkSettings.Networks.inner.IPAddress}}";
      const address = await run(`docker inspect --format '${format}' web`);
      assert.equal(await ask("inner", address), "hello");
      await assert.rejects(ask("other", address), /timed out/);
      await assert.rejects(ask("other", "web"), /unknown host/);
    });

    test("a published port answers on the guest's loopback and on its own address", async () => {
      const get = (address: string): Promise<string> => run(`get ${address} 8080`);
      assert.equal(await get("127.0.0.1"), "hello");
      assert.equal(await get("$(ip -4 -o addr show eth0 | awk '{ print $4 }' | cut -d/ -f1)"), "hello");
      await run("docker rm -f web && docker network rm inner other");
      await assert.rejects(get("127.0.0.1"), /refused/);
    });

    test("limits of memory, processor and processes hold", async () => {
      // Docker is told that a process was killed by another way than that the container ended, from when its start has
      // returned: it eats only then, and the shell outlives it for a while.
      const hungry =
        "until [ -e /go/on ]; do sleep 1; done; dd if=/dev/zero of=/dev/null bs=90M count=1; end=$?; sleep 5; exit $end";
      const ends = (limit: string): Promise<string> =>
        run(`mkdir -p /tmp/go; rm -f /tmp/go/on
          docker run -d --name eater -v /tmp/go:/go ${limit} busybox sh -c '${hungry}' > /dev/null
          touch /tmp/go/on; docker wait eater > /dev/null
          docker inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' eater; docker rm eater > /dev/null`);
      assert.equal(await ends("--memory 32m --memory-swap 32m"), "true 137");
      assert.equal(await ends("--memory 300m"), "false 0");

      const spin = "timeout 3 sh -c 'while :; do :; done'; grep nr_throttled /sys/fs/cgroup/cpu.stat";
      const throttled = async (limit: string): Promise<number> =>
        Number((await run(`docker run --rm ${limit} busybox sh -c "${spin}"`)).split(" ")[1]);
      assert.ok((await throttled("--cpus 0.2")) > 5);
      assert.equal(await throttled(""), 0);

      // What starts the container counts, too, with its threads: the least limit is above those.
      const fork = "for n in $(seq 60); do sleep 5 & done; wait";
      await assert.rejects(run(`docker run --rm --pids-limit 40 busybox sh -c '${fork}'`), /can't fork/);
      await run(`docker run --rm --pids-limit 200 busybox sh -c '${fork}'`);
    });

    test("check-config.sh finds all that is necessary", async (t) => {
      const config = "$([ -e /proc/config.gz ] && echo /proc/config.gz || echo /lib/modules/$(uname -r)/config)";
      const script = "/usr/share/docker.io/contrib/check-config.sh";
      const said = await run(`bash ${script} ${config} 2>&1 || :`);
      const plain = stripVTControlCharacters(said);
      const [necessary = "", optional = ""] = plain.split("Optional Features:");
      t.diagnostic(
        plain
          .split("\n")
          .filter((line) => line.includes("missing"))
          .join("; "),
      );
      assert.match(necessary, /^- CONFIG_NAMESPACES: enabled$/m);
      assert.doesNotMatch(necessary, /missing|nonexistent/);
      assert.match(optional, /^- CONFIG_USER_NS: enabled$/m);
    });
  });
}
