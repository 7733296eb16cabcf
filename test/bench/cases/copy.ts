import { constants } from "node:fs";
import { access, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TestHost } from "../../helpers/test-host.ts";
import { busyboxImage } from "../../helpers/test-images.ts";
import { genericKernel } from "../../helpers/tiny-guest.ts";
import type { Comparison } from "../comparison.ts";
import { timed } from "../timing.ts";

const MIB = 1024 ** 2;

interface Load {
  readonly name: string;
  /** Makes what is copied, at this path. */
  readonly make: (path: string) => Promise<void>;
  /** A guest that is emulated would take an hour for it. */
  readonly needsKvm: boolean;
}

/** One file. Its bytes are not all zero: holes would be left out. */
function oneFile(mib: number, needsKvm: boolean): Load {
  return {
    name: mib >= 1024 ? `one file of ${mib / 1024} GiB` : `one file of ${mib} MiB`,
    needsKvm,
    async make(path) {
      const piece = Buffer.alloc(MIB, 7);
      await writeFile(
        path,
        Array.from({ length: mib }, () => piece),
      );
    },
  };
}

function smallFiles(count: number, needsKvm: boolean): Load {
  return {
    name: `${count} files of 500 bytes`,
    needsKvm,
    async make(path) {
      for (let n = 0; n < count; n += 1) {
        const folder = join(path, String(Math.floor(n / 500)));
        if (n % 500 === 0) await mkdir(folder, { recursive: true });
        await writeFile(join(folder, `file-${n}`), `${n}\n`.padEnd(500));
      }
    },
  };
}

/** `banger cp` beside scp, by the agent's own SSH server over the same line. */
function besideScp(direction: "in" | "out", load: Load): Comparison {
  return {
    name: `banger cp -r, ${load.name}, ${direction === "in" ? "into a guest" : "out of a guest"}`,
    unit: "s",
    besideName: "scp -r (OpenSSH, agent's SSH server)",
    aim: 1,
    rounds: 3,
    async skip() {
      if (!load.needsKvm) return undefined;
      const hasKvm = await access("/dev/kvm", constants.R_OK | constants.W_OK).then(
        () => true,
        () => false,
      );
      return hasKvm ? undefined : "there is no KVM: an emulated guest would take too long";
    },
    async prepare() {
      await using stack = new AsyncDisposableStack();
      const busybox = stack.use(await busyboxImage());
      const host = stack.use(await TestHost.start());
      await host.ok(["kernel", "import", "bench", "--vmlinux", genericKernel()]);
      await host.ok(["image", "pull", busybox.reference, "--name", "busybox", "--kernel-ref", "bench"]);
      await host.ok(["vm", "create", "--image", "busybox", "--name", "bench", "--memory", "512M"]);
      const config = join(host.folder, "ssh.conf");
      await writeFile(config, await host.ok(["vm", "ssh-config", "bench"]));
      const local = join(host.folder, "load");
      await load.make(local);
      await host.ok(["cp", "-r", local, "bench:/load"]);
      const scp = async (from: string, to: string): Promise<void> => {
        const { code, stderr } = await host.run("scp", ["-q", "-r", "-F", config, from, to]);
        if (code !== 0) throw new Error(`scp ended with ${code}: ${stderr}`);
      };
      /** Runs a copy to a place where nothing is. */
      const fresh = async (copy: (to: string) => Promise<unknown>): Promise<number> => {
        if (direction === "in") {
          const ms = await timed(() => copy("/copy"));
          await host.ok(["vm", "exec", "bench", "--", "rm", "-r", "/copy"]);
          return ms;
        }
        const to = join(host.folder, "copy");
        const ms = await timed(() => copy(to));
        await rm(to, { recursive: true });
        return ms;
      };
      const resources = stack.move();
      return {
        ours: () =>
          fresh((to) =>
            host.ok(direction === "in" ? ["cp", "-r", local, `bench:${to}`] : ["cp", "-r", "bench:/load", to]),
          ),
        beside: () =>
          fresh((to) => (direction === "in" ? scp(local, `bench.banger:${to}`) : scp("bench.banger:/load", to))),
        [Symbol.asyncDispose]: () => resources.disposeAsync(),
      };
    },
  };
}

export const copyCases: Readonly<Record<string, Comparison>> = {
  "cp-large-in": besideScp("in", oneFile(16, false)),
  "cp-large-out": besideScp("out", oneFile(16, false)),
  "cp-small-in": besideScp("in", smallFiles(200, false)),
  "cp-small-out": besideScp("out", smallFiles(200, false)),
  "cp-1g-in": besideScp("in", oneFile(1024, true)),
  "cp-1g-out": besideScp("out", oneFile(1024, true)),
  "cp-20000-in": besideScp("in", smallFiles(20_000, true)),
  "cp-20000-out": besideScp("out", smallFiles(20_000, true)),
};
