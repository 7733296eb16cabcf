import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { StoryVerb } from "./fault-story.ts";
import { has, vm } from "./fault-verbs.ts";
import { interrupted, SMALL } from "./fault-verbs-apart.ts";
import { withLayer } from "./image-with-files.ts";
import type { TestHost } from "./test-host.ts";

/**
 * A distribution of scripts: its package manager puts in place what passes for systemd, which does no more than to run the
 * agent. What banger does around an installation is the same as with a real one, which takes minutes.
 */
const SCRIPTS: Readonly<Record<string, string>> = {
  "etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Scripts that pass for Debian"\n',
  "usr/bin/apt-get": "#!/bin/sh\ncase $* in *systemd-sysv*) cp -r /packages/* / ;; esac\n",
  "packages/lib/systemd/systemd":
    "#!/bin/sh\n/usr/local/libexec/banger-vsock-agent serve &\nwhile :; do sleep 1; done\n",
  "packages/usr/bin/systemctl": "#!/bin/sh\n[ $1 = is-system-running ] && echo running\n",
};

/** Programs of busybox that an installation calls, besides those that the image has. */
const MORE_PROGRAMS = ["mkdir", "cp", "chmod", "rm"];

async function ensureScripts(host: TestHost): Promise<void> {
  if (await has("image", "scripts")(host)) return;
  await using image = await withLayer(`oci:${join(host.folder, "layout")}`, async (tree) => {
    for (const [path, content] of Object.entries(SCRIPTS)) {
      await mkdir(dirname(join(tree, path)), { recursive: true });
      await writeFile(join(tree, path), content, { mode: content.startsWith("#!") ? 0o755 : 0o644 });
    }
    await mkdir(join(tree, "bin"));
    for (const program of MORE_PROGRAMS) await symlink("busybox", join(tree, "bin", program));
  });
  const reference = `oci:${image.layout}:${image.tag}`;
  await host.ok(["image", "pull", reference, "--name", "scripts", "--kernel-ref", "generic"]);
}

/** Sends a signal to the VMM of a VM that runs. */
async function signalVmm(host: TestHost, name: string, signal: NodeJS.Signals): Promise<void> {
  const { pid } = await host.json<{ pid: number }>(["vm", "inspect", name]);
  process.kill(pid, signal);
}

/** Verbs with a guest of their own. */
export const VERBS_WITH_MACHINES: readonly StoryVerb[] = [
  {
    does: ["imageBuild"],
    argv: ["image", "build", "--from-image", "bb", "--script", "script.sh", "--name", "site"],
    before: (host) => writeFile(join(host.folder, "script.sh"), "echo built >/built\n"),
    isDone: has("image", "site"),
    undo: [["image", "delete", "site"]],
    end: [["image", "delete", "site"]],
  },
  {
    does: ["vmCreate"],
    argv: ["vm", "create", "--name", "serves", ...SMALL, "--service", "--", "/bin/sh", "-c", "sleep 1000"],
    only: ["vm/service-changed"],
    isDone: has("vm", "serves"),
    undo: [["vm", "delete", "serves", "--force"]],
    end: [["vm", "delete", "serves", "--force"]],
  },
  {
    does: ["vmStop"],
    argv: ["vm", "stop", "held", "(interrupted)"],
    only: ["vm/stop-cancelled", "vm.stop/undone"],
    // A guest that stands still does not take the request, so that there is time to cancel it.
    async before(host) {
      if (!(await has("vm", "held")(host))) await host.ok(["vm", "create", "--name", "held", ...SMALL]);
      await host.ok(["vm", "start", "held"]);
      await signalVmm(host, "held", "SIGSTOP");
    },
    run: (host) => interrupted(host, ["vm", "stop", "held"]),
    after: (host) => signalVmm(host, "held", "SIGCONT"),
    isDone: vm("held", ({ state }) => state === "stopped"),
    undo: [],
    end: [["vm", "delete", "held", "--force"]],
  },
  {
    does: ["vmStart"],
    argv: ["vm", "start", "linked"],
    only: ["vm/networked", "vm/launched", "vm/started"],
    async before(host) {
      if (await has("vm", "linked")(host)) await host.ok(["vm", "stop", "linked", "--force"]);
      else await host.ok(["vm", "create", "--name", "linked", ...SMALL, "--nat", "--no-start"]);
    },
    isDone: vm("linked", ({ state }) => state === "running"),
    undo: [],
    end: [["vm", "delete", "linked", "--force"]],
  },
  {
    does: ["vmCreate"],
    argv: "vm create --name scripted --image scripts --memory 128M --nat --init systemd --wait system".split(" "),
    only: ["vm/installed", "vm/system-known"],
    before: ensureScripts,
    isDone: has("vm", "scripted"),
    undo: [["vm", "delete", "scripted", "--force"]],
    end: [["vm", "delete", "scripted", "--force"]],
  },
];
