import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import { moduleNameOfFile, readModule } from "../boot/module-info.ts";
import { resolveDependencies } from "./dependencies.ts";
import { readModuleFacts, type ModuleFacts } from "./module-facts.ts";
import { moduleIndexes } from "./module-indexes.ts";

/** A file of a /lib/modules/RELEASE. */
export interface ModuleFile {
  /** Below that folder. */
  readonly path: string;
  readonly sizeBytes: number;
}

/** A distribution's kernel has some 4,000 modules, and a user's folder may hold headers beside them. */
const MAX_FILES = 50_000;
/** Lists of the kernel's build, beside which all else called `modules.*` is depmod's, and made anew. */
const LISTS = ["modules.builtin", "modules.builtin.modinfo", "modules.order"];
const MADE_BY_DEPMOD = /^modules\.[a-z.]+$/;
/** What indexing them reads and keeps: 250,000 symbols of a distribution, and 5 GB with debug information. */
const MAX_SYMBOLS = 2_000_000;
const MAX_UNPACKED_BYTES = 16 * 1024 ** 3;
/** `modules.builtin.modinfo` of a distribution has some 200 KB. */
const MAX_LIST_BYTES = 64 * 1024 ** 2;

/**
 * The files of a folder of modules that a guest gets, by their paths. Links, of which `build` and `source` lead out of the
 * folder, are left out.
 *
 * @throws BangerError `KERNEL_INVALID` if it is no such folder.
 */
export async function listModuleFiles(dir: string): Promise<readonly ModuleFile[]> {
  const files: ModuleFile[] = [];
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = relative(dir, join(entry.parentPath, entry.name));
    if (MADE_BY_DEPMOD.test(path) && !LISTS.includes(path)) continue;
    if (files.length === MAX_FILES) throw tooManyFiles(dir);
    files.push({ path, sizeBytes: (await stat(join(dir, path))).size });
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Makes the indexes of a folder of modules, as depmod would, by reading each of them.
 *
 * @param files of {@link listModuleFiles}.
 * @throws BangerError `KERNEL_INVALID` or `ARCHIVE_INVALID` where one of them is no module.
 */
export async function indexModules(
  dir: string,
  files: readonly ModuleFile[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Buffer>> {
  const facts: ModuleFacts[] = [];
  let symbols = 0;
  let unpackedBytes = 0;
  for (const { path } of files) {
    signal.throwIfAborted();
    if (moduleNameOfFile(path.slice(path.lastIndexOf("/") + 1)) === undefined) continue;
    const module = await readModule(join(dir, path));
    const found = readModuleFacts(module, path);
    symbols += found.exports.length + found.needs.length;
    unpackedBytes += module.length;
    if (symbols > MAX_SYMBOLS || unpackedBytes > MAX_UNPACKED_BYTES) throw tooMuch(dir, path);
    facts.push(found);
  }
  const order = (await readList(dir, "modules.order")).toString("utf8").split("\n").filter(Boolean);
  return moduleIndexes(resolveDependencies(facts, order), {
    builtin: (await readList(dir, "modules.builtin")).toString("utf8"),
    builtinInfo: await readList(dir, "modules.builtin.modinfo"),
  });
}

async function readList(dir: string, name: string): Promise<Buffer> {
  const path = join(dir, name);
  try {
    if ((await stat(path)).size > MAX_LIST_BYTES) throw listTooLong(path);
    return await readFile(path);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return Buffer.alloc(0);
    throw error;
  }
}

function tooManyFiles(dir: string): BangerError {
  return new BangerError("KERNEL_INVALID", {
    what: `${dir} is not a folder of kernel modules`,
    why: `it holds more than ${MAX_FILES} files`,
    fix: "name a copy of /lib/modules/RELEASE",
  });
}

function tooMuch(dir: string, path: string): BangerError {
  return new BangerError("KERNEL_INVALID", {
    what: `${dir} holds more than the modules of one kernel`,
    why: `${MAX_SYMBOLS} symbols or ${MAX_UNPACKED_BYTES} bytes are passed at ${path}`,
    fix: "name a copy of /lib/modules/RELEASE",
  });
}

function listTooLong(path: string): BangerError {
  return new BangerError("KERNEL_INVALID", {
    what: `${path} is no list of kernel modules`,
    why: `it is larger than ${MAX_LIST_BYTES} bytes`,
    fix: "name a copy of /lib/modules/RELEASE",
  });
}
