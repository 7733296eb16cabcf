import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { hasErrno } from "../lib/errors.ts";
import { run } from "../lib/process.ts";

/** A loop device that has a file behind it. */
export interface LoopSeen {
  readonly device: string;
  readonly file: string;
  readonly readOnly: boolean;
  /** Another device is made of it. */
  readonly held: boolean;
}

/** A host whose kernel has device mapper: what is asked of it, and what there is. */
export interface MapperHost {
  /** @returns its standard output. */
  run(tool: "losetup" | "dmsetup", args: readonly string[], input?: string): Promise<string>;
  /** Names of all devices that were mapped. */
  maps(): Promise<readonly string[]>;
  loops(): Promise<readonly LoopSeen[]>;
}

/** This host. Looking needs neither root nor a tool: it is all in sysfs. */
export const localMapperHost: MapperHost = {
  async run(tool, args, input) {
    const { stdout } = await run(tool, args, {
      ...(input !== undefined && { input }),
      install: `install it: \`apt install ${tool === "dmsetup" ? "dmsetup" : "mount"}\``,
    });
    return stdout;
  },
  async maps() {
    const found = (await blockDevices("dm-")).map((name) => attribute(name, "dm/name"));
    return (await Promise.all(found)).filter((name) => name !== undefined);
  },
  async loops() {
    const found = (await blockDevices("loop")).map(async (name): Promise<LoopSeen | undefined> => {
      const file = await attribute(name, "loop/backing_file");
      if (file === undefined) return undefined;
      const holders = await readdir(join(BLOCK, name, "holders")).catch(() => []);
      return {
        device: `/dev/${name}`,
        file,
        readOnly: (await attribute(name, "ro")) === "1",
        held: holders.length > 0,
      };
    });
    return (await Promise.all(found)).filter((loop) => loop !== undefined);
  },
};

/** Documentation/ABI/stable/sysfs-block; `dm/name` as in Documentation/ABI/testing/sysfs-block-dm. */
const BLOCK = "/sys/block";

async function blockDevices(prefix: string): Promise<readonly string[]> {
  try {
    return (await readdir(BLOCK)).filter((name) => name.startsWith(prefix));
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** Undefined where the device is gone, or has no such side: devices come and go while one looks. */
async function attribute(device: string, name: string): Promise<string | undefined> {
  try {
    return (await readFile(join(BLOCK, device, name), "utf8")).replace(/\n$/, "");
  } catch (error) {
    if (hasErrno(error, "ENOENT") || hasErrno(error, "ENXIO") || hasErrno(error, "ENODEV")) return undefined;
    throw error;
  }
}
