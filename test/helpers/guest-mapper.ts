import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { LoopSeen, MapperHost } from "../../src/disk/mapper-host.ts";
import { CACHE } from "./test-images.ts";
import type { TestHost } from "./test-host.ts";

const TOOLS = ["/usr/sbin/dmsetup", "/usr/sbin/losetup"];
/** In the order in which they can be loaded. */
const MODULES = ["dm-mod", "dm-bufio", "dm-snapshot", "dm-zero", "loop"];

/** Looks at sysfs as src/disk/mapper-host.ts does: a line a device. */
const LIST_LOOPS = `for d in /sys/block/loop*; do
  [ -e $d/loop/backing_file ] || continue
  echo "/dev/\${d##*/} $(cat $d/ro) $(ls $d/holders | head -n 1 | wc -l) $(cat $d/loop/backing_file)"
done`;

/** A VM whose kernel has device mapper, for hosts whose own has none: the same commands, in there. */
export class GuestMapper implements MapperHost {
  readonly #host: TestHost;
  readonly #vm: string;

  private constructor(host: TestHost, vm: string) {
    this.#host = host;
    this.#vm = vm;
  }

  /** Gives a running VM of Debian's kernel the modules and the tools. */
  static async prepare(host: TestHost, vm: string): Promise<GuestMapper> {
    const guest = new GuestMapper(host, vm);
    const { kernel } = await host.json<{ kernel: { id: string } }>(["vm", "inspect", vm]);
    const { source } = await host.json<{ source: { sha256: string } }>(["kernel", "inspect", kernel.id]);
    const libraries = execFileSync("ldd", TOOLS, { encoding: "utf8" }).match(/\/lib\S+(?= \()/g) ?? [];
    // Paths below the root, through links: what the loader opens by these names.
    const files = [...TOOLS, ...new Set(libraries)].map((path) => path.slice(1));
    const maxBuffer = 2 ** 27;
    await guest.unpack(execFileSync("tar", ["-C", "/", "-ch", ...files], { maxBuffer }));
    const archive = execFileSync("dpkg-deb", ["--fsys-tarfile", join(CACHE, "debian/sha256", source.sha256)], {
      maxBuffer: 2 ** 30,
    });
    const names = MODULES.map((name) => `*/${name}.ko`);
    const folder = execFileSync("mktemp", ["-d"], { encoding: "utf8" }).trim();
    execFileSync("tar", ["-C", folder, "-x", "--transform", "s,.*/,,", "--wildcards", ...names], { input: archive });
    await guest.unpack(execFileSync("tar", ["-C", folder, "-c", "."], { maxBuffer }));
    execFileSync("rm", ["-r", folder]);
    for (const name of MODULES) await guest.sh(`busybox insmod /${name}.ko`);
    return guest;
  }

  async unpack(archive: Buffer): Promise<void> {
    await this.#exec(["busybox", "tar", "x", "-C", "/"], archive);
  }

  /** @returns what it printed. */
  async sh(script: string): Promise<string> {
    return (await this.#exec(["sh", "-ec", script])).toString("utf8").trim();
  }

  async run(tool: "losetup" | "dmsetup", args: readonly string[], input?: string): Promise<string> {
    const output = await this.#exec([`/usr/sbin/${tool}`, ...args], Buffer.from(input ?? ""));
    return output.toString("utf8");
  }

  async maps(): Promise<readonly string[]> {
    return (await this.sh("cat /sys/block/dm-*/dm/name 2>/dev/null || :")).split("\n").filter((name) => name !== "");
  }

  async loops(): Promise<readonly LoopSeen[]> {
    const lines = (await this.sh(LIST_LOOPS)).split("\n").filter((line) => line !== "");
    return lines.map((line) => {
      const [device = "", readOnly, held, file = ""] = line.split(" ");
      return { device, file, readOnly: readOnly === "1", held: held !== "0" };
    });
  }

  async #exec(argv: readonly string[], input?: Buffer): Promise<Buffer> {
    const result = await this.#host.banger(["vm", "exec", this.#vm, "--", ...argv], { input });
    if (result.code !== 0) throw new Error(`${argv.join(" ")} ended with ${result.code}: ${result.stderr}`);
    return result.stdout;
  }
}
