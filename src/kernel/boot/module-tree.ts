import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import { isChosenOver } from "./module-choice.ts";
import { moduleNameOfFile, normalModuleName, parseModuleInfo, readModule, type ModuleInfo } from "./module-info.ts";

/** A module with its content, unpacked. */
export interface LoadedModule {
  readonly info: ModuleInfo;
  readonly content: Buffer;
}

/** The content of a /lib/modules/RELEASE. */
export interface ModuleTree {
  /** Whether the kernel holds it itself, by the tree's `modules.builtin`. */
  isBuiltin(name: string): boolean;
  /** A module, read when it is asked for; undefined if there is no such file. */
  load(name: string): Promise<LoadedModule | undefined>;
}

/** A distribution's kernel has some 4,000 modules. */
const MAX_FILES = 50_000;

/**
 * Looks through a folder of modules. `modules.dep` is not used: packages do not hold it, depmod makes it on
 * installation.
 */
export async function openModuleTree(dir: string): Promise<ModuleTree> {
  const paths = new Map<string, string>();
  let files = 0;
  // `build` and `source` are links to a whole kernel tree: readdir does not follow them.
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    files += 1;
    if (files > MAX_FILES) throw tooManyFiles(dir);
    const name = entry.isFile() ? moduleNameOfFile(entry.name) : undefined;
    if (name === undefined) continue;
    const path = relative(dir, join(entry.parentPath, entry.name));
    const other = paths.get(name);
    if (other === undefined || isChosenOver(path, other)) paths.set(name, path);
  }
  const builtin = await readBuiltin(dir);
  return {
    isBuiltin: (name) => builtin.has(normalModuleName(name)),
    load: async (name) => {
      const found = paths.get(normalModuleName(name));
      if (found === undefined) return undefined;
      const path = join(dir, found);
      const content = await readModule(path);
      return { info: parseModuleInfo(content, path), content };
    },
  };
}

/** A tree without any module: of a kernel that holds all it needs. */
export const NO_MODULES: ModuleTree = { isBuiltin: () => false, load: async () => undefined };

/** `modules.builtin` lists paths: `kernel/fs/ext4/ext4.ko`. */
async function readBuiltin(dir: string): Promise<ReadonlySet<string>> {
  let text: string;
  try {
    text = await readFile(join(dir, "modules.builtin"), "utf8");
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return new Set();
    throw error;
  }
  const names = text.split("\n").map((line) => moduleNameOfFile(line.slice(line.lastIndexOf("/") + 1)));
  return new Set(names.filter((name) => name !== undefined));
}

function tooManyFiles(dir: string): BangerError {
  return new BangerError("KERNEL_INVALID", {
    what: `${dir} is not a folder of kernel modules`,
    why: `it holds more than ${MAX_FILES} files`,
    fix: "name a copy of /lib/modules/RELEASE",
  });
}
