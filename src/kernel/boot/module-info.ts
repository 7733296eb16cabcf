import { createReadStream } from "node:fs";
import { BangerError } from "../../lib/errors.ts";
import { collect } from "../byte-reader.ts";
import { compressionOfName, decompress } from "../decompress.ts";
import { ELF_HEADER_BYTES, parseElfHeader, parseSections } from "../elf.ts";

/** What a kernel module says about itself in its section .modinfo (include/linux/moduleinfo.h). */
export interface ModuleInfo {
  /** With underscores, as the kernel knows it. */
  readonly name: string;
  /** Modules whose symbols it uses: they must be loaded before it. */
  readonly depends: readonly string[];
  /** Modules that it asks for while it starts, if they exist: `softdep: pre: crc32c`. */
  readonly softDepends: readonly string[];
  /** The release that it was built for; undefined where it says none. */
  readonly release: string | undefined;
}

/** The largest module of a distribution (amdgpu) is some 25 MB, 400 MB with debug information. */
const MAX_MODULE_BYTES = 512 * 1024 ** 2;

/** Files of modules: `virtio-rng.ko`, `ext4.ko.xz`. */
const MODULE_FILE = /^(.+)\.ko(?:\.(?:gz|xz|zst))?$/;

/** The kernel has one name for `virtio-rng` and `virtio_rng`. */
export function normalModuleName(name: string): string {
  return name.replaceAll("-", "_");
}

/** The name of the module that a file holds, by the file's name; undefined if it is no module's. */
export function moduleNameOfFile(fileName: string): string | undefined {
  const stem = MODULE_FILE.exec(fileName)?.[1];
  return stem === undefined ? undefined : normalModuleName(stem);
}

/**
 * A module's bytes as the kernel loads them: unpacked.
 *
 * @throws BangerError `ARCHIVE_INVALID` if it cannot be unpacked.
 */
export async function readModule(path: string): Promise<Buffer> {
  const stream = createReadStream(path, { highWaterMark: 1024 ** 2 });
  return await collect(decompress(stream, compressionOfName(path), path), MAX_MODULE_BYTES, path);
}

/**
 * Reads .modinfo: strings `key=value`, each ended by a zero byte.
 *
 * @param path for errors.
 * @throws BangerError `KERNEL_INVALID` if these bytes are no kernel module.
 */
export function parseModuleInfo(module: Buffer, path: string): ModuleInfo {
  const values = new Map<string, string[]>();
  for (const line of sectionContent(module, ".modinfo", path).toString("utf8").split("\0")) {
    const equals = line.indexOf("=");
    if (equals < 1) continue;
    const key = line.slice(0, equals);
    values.set(key, [...(values.get(key) ?? []), line.slice(equals + 1)]);
  }
  const first = (key: string): string | undefined => values.get(key)?.[0];
  const name = first("name") ?? moduleNameOfFile(path.slice(path.lastIndexOf("/") + 1));
  if (name === undefined) throw notAModule(path, "it does not say its name");
  return {
    name: normalModuleName(name),
    depends: (first("depends") ?? "").split(",").filter(Boolean).map(normalModuleName),
    softDepends: (values.get("softdep") ?? []).flatMap(preDependencies),
    // `vermagic=6.1.0-56-cloud-amd64 SMP preempt mod_unload modversions `
    release: first("vermagic")?.split(" ")[0],
  };
}

/** Of `pre: a b post: c`, what comes before. */
function preDependencies(softdep: string): string[] {
  const match = /(?:^|\s)pre:(.*?)(?:\spost:|$)/.exec(softdep);
  return (match?.[1] ?? "").split(/\s+/).filter(Boolean).map(normalModuleName);
}

function sectionContent(module: Buffer, wanted: string, path: string): Buffer {
  const header = parseElfHeader(module.subarray(0, ELF_HEADER_BYTES));
  if (header === undefined) throw notAModule(path, "it is no 64-bit ELF file");
  const { offset, bytes } = header.sectionHeaders;
  const sections = parseSections(module.subarray(offset, offset + bytes));
  const names = sections[header.nameSection];
  for (const section of names === undefined ? [] : sections) {
    const at = (names?.offset ?? 0) + section.nameOffset;
    if (module.toString("latin1", at, at + wanted.length + 1) !== `${wanted}\0`) continue;
    return module.subarray(section.offset, section.offset + section.sizeBytes);
  }
  throw notAModule(path, `it has no section ${wanted}`);
}

function notAModule(path: string, why: string): BangerError {
  return new BangerError("KERNEL_INVALID", {
    what: `${path} is not a kernel module`,
    why,
    fix: "check the modules folder: it should be a copy of /lib/modules/RELEASE",
  });
}
