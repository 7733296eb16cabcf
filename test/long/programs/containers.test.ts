import { execFile } from "node:child_process";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite } from "node:test";
import { promisify } from "node:util";
import { ROOT } from "../../helpers/test-host.ts";
import { dockerPrograms } from "./docker-programs.ts";
import { podmanPrograms } from "./podman-programs.ts";
import { processPrograms } from "./process-programs.ts";
import { PROGRAM_KERNELS, ProgramGuest } from "./program-guest.ts";
import { sandboxPrograms } from "./sandbox-programs.ts";
import { systemPrograms } from "./system-programs.ts";

const exec = promisify(execFile);

const SYSTEM = ["dbus-user-session", "libpam-systemd", "udev", "kmod", "apparmor", "iproute2", "procps", "python3"];
const CONTAINERS = ["docker.io", "podman", "crun", "netavark", "aardvark-dns", "catatonit", "fuse-overlayfs"];
const OTHERS = ["slirp4netns", "passt", "uidmap", "criu", "fuse2fs", "fuse3", "squashfuse", "squashfs-tools", "bindfs"];
/** Where the kernel has no BTF (generic-6.12), bpftrace reads a tracepoint's fields by the C headers. */
const TRACING = ["bpftrace", "linux-libc-dev"];
const PACKAGES = [...SYSTEM, ...CONTAINERS, ...OTHERS, ...TRACING, "bubblewrap", "busybox-static"];

/** What a web server says last. In a static program the C library cannot look names up; busybox's nslookup does it itself. */
const GET = `#!/bin/busybox sh
set -o pipefail
address=$1
case $1 in *[a-z]*)
  address=$(busybox nslookup -type=a $1 | busybox sed -n 's/^Address: *\\([0-9.]*\\)$/\\1/p' | busybox tail -n 1)
  [ -n "$address" ] || { echo "unknown host $1" >&2; exit 1; } ;;
esac
printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 5 $address \${2:-80} | busybox tail -n 1
`;

/** A plain user whose systemd runs, and the content of an image: busybox by all its names. */
const PREPARE = `
useradd --create-home --shell /bin/bash plain
loginctl enable-linger plain
until [ -S /run/user/$(id -u plain)/bus ]; do sleep 1; done
echo user_allow_other >> /etc/fuse.conf
mkdir -p /tmp/root/bin /tmp/root/etc /tmp/root/tmp
cp /bin/busybox /usr/local/bin/get /tmp/root/bin
for name in $(busybox --list); do [ $name = busybox ] || ln -s busybox /tmp/root/bin/$name; done
echo root:x:0:0:root:/:/bin/sh > /tmp/root/etc/passwd`;

for (const kernel of PROGRAM_KERNELS) {
  suite(`containers and the system on ${kernel}`, { timeout: 3_600_000 }, () => {
    let started: ProgramGuest | undefined;
    const guest = (): ProgramGuest => {
      if (started === undefined) throw new Error("the VM did not start");
      return started;
    };

    before(async () => {
      started = await ProgramGuest.start({
        kernel,
        packages: PACKAGES,
        memory: "2G",
        options: ["--disk-size", "8G", "--nat"],
      });
      await started.write("/usr/local/bin/get", Buffer.from(GET));
      await started.write("/usr/local/bin/kubelet-preflight", await kubeletPreflight());
    });
    after(() => started?.[Symbol.asyncDispose]());

    systemPrograms(guest, kernel);
    suite("with a plain user", () => {
      before(() => guest().run(PREPARE));
      dockerPrograms(guest);
      podmanPrograms(guest);
      sandboxPrograms(guest);
      processPrograms(guest);
    });
  });
}

/** kubeadm's own validators as a program without libraries. */
async function kubeletPreflight(): Promise<Buffer> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "banger-preflight-"));
  const program = join(folder.path, "kubelet-preflight");
  await exec(join(ROOT, "build/tools/bin/go"), ["build", "-trimpath", "-ldflags=-s", "-o", program, "."], {
    cwd: join(import.meta.dirname, "kubelet-preflight"),
    env: { ...process.env, CGO_ENABLED: "0", GOWORK: "off" },
  });
  return await readFile(program);
}
