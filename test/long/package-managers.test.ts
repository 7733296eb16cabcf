import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, suite, test } from "node:test";
import { ForeignDistribution, type Program } from "../helpers/foreign-distribution.ts";
import { TestHost } from "../helpers/test-host.ts";
import { allowTime } from "./programs/program-guest.ts";

const KERNEL = "debian-cloud";
const MINUTES = 60_000;

interface VmSeen {
  readonly firstBoot?: { readonly log: string; readonly doneAt?: string };
}

interface Expected {
  /** The package of sshd. */
  readonly server: string;
  /** What the program says of a package that no repository has, and of one that a stranger signed. */
  readonly missing: RegExp;
  readonly untrusted: RegExp;
  /** What it says when all went well. */
  readonly installed: RegExp;
  /** What it says when it unpacks the package that is in the middle of all. */
  readonly amid: RegExp;
  /** Folders that hold nothing once their packages are installed. */
  readonly emptied: readonly string[];
}

const EXPECTED: Readonly<Record<Program, Expected>> = {
  dnf: {
    server: "openssh-server",
    missing: /Unable to find a match: openssh-server/,
    untrusted: /Public key for .* is not installed/,
    installed: /^Installed:[^]*openssh-server-[^]*^Complete!$/m,
    amid: /Installing +: systemd-\d/,
    emptied: ["/var/cache/dnf"],
  },
  zypper: {
    server: "openssh",
    missing: /No provider of 'openssh' found/,
    untrusted: /Signature verification failed/,
    installed: /Installing: openssh-/,
    amid: /Installing: systemd-\d/,
    emptied: ["/var/cache/zypp/packages", "/var/cache/zypp/raw", "/var/cache/zypp/solv"],
  },
  pacman: {
    server: "openssh",
    missing: /error: target not found: openssh/,
    untrusted: /error: required key missing from keyring/,
    installed: /installing openssh/,
    amid: /installing systemd\.\.\./,
    emptied: ["/var/cache/pacman/pkg", "/var/lib/pacman/sync"],
  },
};

/** Real package managers install Debian's files, repackaged as their own, and signed: nothing here stands in for them. */
for (const name of Object.keys(EXPECTED) as Program[]) {
  const { server, missing, untrusted, installed, amid, emptied } = EXPECTED[name];

  suite(`a machine by ${name}`, { timeout: 50 * MINUTES }, () => {
    let host: TestHost;
    let distribution: ForeignDistribution;
    const resources = new AsyncDisposableStack();

    before(async () => {
      host = resources.use(await TestHost.start());
      await allowTime(host);
      distribution = resources.use(await ForeignDistribution.start(name));
      await host.ok(["kernel", "pull", KERNEL]);
      await pull("all", ["--name", "bare"]);
    });
    after(() => resources.disposeAsync());

    async function pull(repository: string, words: readonly string[]): Promise<string> {
      await using image = await distribution.image(repository);
      const reference = `oci:${image.layout}:${image.tag}`;
      const result = await host.banger(["image", "pull", reference, "--kernel-ref", KERNEL, ...words], {
        timeoutMs: 20 * MINUTES,
      });
      assert.equal(result.code, 0, result.stderr);
      return result.stderr;
    }

    const create = (vm: string, image: string) =>
      host.banger(["vm", "create", "--name", vm, "--image", image, "--init", "systemd", "--nat", "--allow-host"], {
        timeoutMs: 20 * MINUTES,
      });

    async function checkMachine(vm: string): Promise<void> {
      const inGuest = (script: string) => host.ok(["vm", "exec", vm, "--", "sh", "-c", script]);
      const state = await inGuest("systemctl is-system-running --wait || systemctl --failed --no-legend --plain");
      assert.equal(state.trim(), "running");
      assert.equal((await inGuest("cat /proc/1/comm; systemctl is-active sshd")).trim(), "systemd\nactive");
      assert.match(await inGuest("timeout 60 bash -c 'exec 3<>/dev/tcp/127.0.0.1/22 && head -c 7 <&3'"), /^SSH-2\.0/);
      assert.equal(await inGuest(`find ${emptied.join(" ")} -type f`), "", "nothing of the packages is left behind");
    }

    test("image pull --init systemd: it is installed once, and a VM boots with it", async () => {
      const told = await pull("all", ["--name", "ready", "--init", "systemd", "--allow-host"]);
      assert.match(told, installed);
      const { system } = await host.json<{ system: { init: string } }>(["image", "inspect", "ready"]);
      assert.equal(system.init, "systemd");
      await host.ok(["vm", "create", "--name", "of-image", "--image", "ready"]);
      await checkMachine("of-image");
      const { firstBoot } = await host.json<VmSeen>(["vm", "inspect", "of-image"]);
      assert.equal(firstBoot, undefined, "nothing was left to install");
      await host.ok(["vm", "delete", "--force", "of-image"]);
    });

    test("vm create --init systemd: at the first start, not at the second", async () => {
      const result = await create("fresh", "bare");
      assert.equal(result.code, 0, result.stderr);
      await checkMachine("fresh");
      const { firstBoot } = await host.json<VmSeen>(["vm", "inspect", "fresh"]);
      assert.ok(firstBoot?.doneAt !== undefined);
      assert.match(await readFile(firstBoot.log, "utf8"), installed);
      const asked = distribution.server.requests.length;
      await host.ok(["vm", "stop", "fresh"]);
      await host.ok(["vm", "start", "fresh"]);
      await checkMachine("fresh");
      assert.equal(distribution.server.requests.length, asked, "the second start fetches nothing");
      await host.ok(["vm", "delete", "--force", "fresh"]);
    });

    test("whoever pulls the plug while it is installed has a machine after the next start", async () => {
      const create = ["vm", "create", "--name", "cut", "--image", "bare", "--init", "systemd", "--nat", "--allow-host"];
      await host.ok([...create, "--no-start"]);
      let cut = false;
      const pull = async (text: string): Promise<void> => {
        if (cut || !amid.test(text)) return;
        cut = true;
        for (const pid of await host.processes()) if (await isMachine(pid)) process.kill(pid, "SIGKILL");
      };
      const first = await host.banger(["vm", "start", "cut"], {
        timeoutMs: 20 * MINUTES,
        onOutput: (text) => void pull(text),
      });
      assert.ok(cut, first.stderr);
      assert.notEqual(first.code, 0, "its machine was killed");
      await host.ok(["vm", "start", "cut"], { timeoutMs: 20 * MINUTES });
      await checkMachine("cut");
      await host.ok(["vm", "delete", "--force", "cut"]);
    });

    const poor = { poor: { without: server }, strange: { stranger: true } } as const;
    for (const [repository, says] of [
      ["poor", missing],
      ["strange", untrusted],
    ] as const) {
      test(`a repository that is ${repository}: its words are told, and nothing is left`, async () => {
        await distribution.publish(repository, poor[repository]);
        await pull(repository, ["--name", repository]);
        const result = await create("doomed", repository);
        assert.equal(result.code, 7, result.stderr);
        assert.match(result.stderr, /FIRST_BOOT_FAILED/);
        const log = /see (\S+\.log)/.exec(result.stderr)?.[1] ?? "";
        assert.match(await readFile(log, "utf8"), says);
        assert.equal((await host.banger(["vm", "inspect", "doomed"])).code, 3, "there is no such VM");
      });
    }
  });
}

async function isMachine(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).startsWith("qemu-system");
}
