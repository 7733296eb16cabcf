import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { genericKernel } from "../helpers/tiny-guest.ts";
import { debianImage } from "../helpers/test-images.ts";
import { TestHost } from "../helpers/test-host.ts";

const SUITES = { bullseye: "11", bookworm: "12", trixie: "13" } as const;
const KERNELS = { "debian-cloud": /-cloud-amd64$/, "generic-6.12": /^6\.12\./ } as const;
const INITS = ["auto", "agent"] as const;

/** What every machine must be like after its first boot, whatever runs as PID 1; one line a fact. */
const FACTS = `
hostname; cat /etc/hostname
cat /etc/machine-id
. /etc/os-release; echo $VERSION_ID
uname -r
grep -v '^#' /etc/resolv.conf
date +%s
echo $LANG; locale charmap
ls /etc/banger/ssh_host_ed25519_key
cat /proc/1/comm
df --output=size -B1 / | tail -1
cat /proc/net/route | wc -l
test -w / && echo writable
`;

interface VmSeen {
  readonly machineId: string;
  readonly network: { readonly dns: readonly string[] };
  readonly timings: { readonly readyMs: number };
}

/** Debian 11, 12 and 13, in each way that they can be booted. */
suite("the first boot of a Debian", { timeout: 1_200_000, concurrency: 2 }, () => {
  let host: TestHost;

  before(async () => {
    host = await TestHost.start();
    await host.ok(["kernel", "pull", "debian-cloud"]);
    await host.ok(["kernel", "import", "generic-6.12", "--vmlinux", genericKernel()]);
    for (const name of Object.keys(SUITES))
      await host.ok(["image", "pull", await debianImage(name), "--name", name, "--kernel-ref", "debian-cloud"]);
  });
  after(() => host[Symbol.asyncDispose]());

  for (const [name, version] of Object.entries(SUITES)) {
    for (const [kernel, release] of Object.entries(KERNELS)) {
      for (const init of INITS) {
        test(`Debian ${version} with ${kernel}, --init ${init}`, async () => {
          const vm = `${name}-${kernel.slice(0, 3)}-${init}`;
          const create = ["vm", "create", "--name", vm, "--image", name, "--kernel-ref", kernel, "--init", init];
          await host.ok([...create, "--nat", "--disk-size", "9G"]);
          const { machineId, network, timings } = await host.json<VmSeen>(["vm", "inspect", vm]);
          const out = await host.ok(["vm", "exec", vm, "--", "bash", "-c", FACTS]);
          const [hostname, etcHostname, id, os, uname, dns, now, lang, charmap, key, pid1, size, routes, write] = out
            .trim()
            .split("\n");
          assert.equal(hostname, vm);
          assert.equal(etcHostname, vm);
          assert.equal(id, machineId);
          assert.equal(os, version);
          assert.match(uname ?? "", release);
          assert.equal(dns, `nameserver ${network.dns[0]}`);
          assert.ok(Math.abs(Number(now) - Date.now() / 1000) < 120, `the guest believes it to be ${now}`);
          assert.equal(lang, "C.UTF-8");
          assert.equal(charmap, "UTF-8");
          assert.equal(key, "/etc/banger/ssh_host_ed25519_key");
          assert.equal(pid1, init === "auto" ? "systemd" : "banger-first-bo");
          assert.ok(Number(size) > 8.5 * 1024 ** 3, `the root disk holds ${size} bytes`);
          assert.ok(Number(routes) >= 2, "there is a route");
          assert.equal(write, "writable");
          if (init === "auto") await checkSystemd(vm);
          await host.ok(["vm", "delete", "--force", vm]);
          console.log(`${vm}: ready after ${timings.readyMs} ms`);
        });
      }
    }
  }

  /** Nothing waits, nothing fails, and the machine comes to the end of its boot. */
  async function checkSystemd(vm: string): Promise<void> {
    const state = await host.banger(["vm", "exec", vm, "--", "systemctl", "is-system-running", "--wait"]);
    const failed = await host.ok(["vm", "exec", vm, "--", "systemctl", "--failed", "--plain", "--no-legend"]);
    assert.equal(state.stdout.toString().trim(), "running", failed);
    const jobs = await host.ok(["vm", "exec", vm, "--", "systemctl", "list-jobs", "--no-legend"]);
    assert.doesNotMatch(jobs, /\.device/);
    const masked = await host.ok(["vm", "exec", vm, "--", "systemctl", "show", "-P", "LoadState", "dev-vdb.device"]);
    assert.equal(masked.trim(), "masked");
    // The same program as a oneshot, once more: there is nothing left for it to do, and it knows.
    await host.ok(["vm", "exec", vm, "--", "/usr/local/libexec/banger-first-boot"]);
    assert.equal((await host.ok(["vm", "exec", vm, "--", "hostname"])).trim(), vm);
    const agent = await host.ok(["vm", "exec", vm, "--", "systemctl", "is-active", "banger-vsock-agent"]);
    assert.equal(agent.trim(), "active");
  }
});
