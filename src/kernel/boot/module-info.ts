import { createReadStream } from "node:fs";
import { BangerError } from "../../lib/errors.ts";
import { collect } from "../../formats/byte-reader.ts";
import { compressionOfName, decompress } from "../../formats/compression/decompress.ts";
import { ELF_HEADER_BYTES, parseElfHeader, parseSections } from "../../formats/elf.ts";

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

/** Those that are looked for are short; a compiler's own may be longer, and are cut. */
const MAX_SECTION_NAME_BYTES = 64;

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
 * Reads what .modinfo says.
 *
 * @param path for errors.
 * @throws BangerError `KERNEL_INVALID` if these bytes are no kernel module.
 */
export function parseModuleInfo(module: Buffer, path: string): ModuleInfo {
  const values = new Map<string, string[]>();
  for (const [key, value] of modinfoLines(module, path)) values.set(key, [...(values.get(key) ?? []), value]);
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

/**
 * The lines of .modinfo in their order.
 *
 * @throws BangerError `KERNEL_INVALID` if these bytes are no kernel module.
 */
export function modinfoLines(module: Buffer, path: string): (readonly [key: string, value: string])[] {
  const section = moduleSections(module, path).get(".modinfo");
  if (section === undefined) throw notAModule(path, "it has no section .modinfo");
  return parseInfoLines(section);
}

/** Strings `key=value`, each ended by a zero byte. */
export function parseInfoLines(text: Buffer): (readonly [key: string, value: string])[] {
  return text
    .toString("utf8")
    .split("\0")
    .map((line) => [line, line.indexOf("=")] as const)
    .filter(([, equals]) => equals > 0)
    .map(([line, equals]) => [line.slice(0, equals), line.slice(equals + 1)] as const);
}

/** Of `pre: a b post: c`, what comes before. */
function preDependencies(softdep: string): string[] {
  const match = /(?:^|\s)pre:(.*?)(?:\spost:|$)/.exec(softdep);
  return (match?.[1] ?? "").split(/\s+/).filter(Boolean).map(normalModuleName);
}

/**
 * The sections of a module by their names; of a name that comes twice, the first.
 *
 * @throws BangerError `KERNEL_INVALID` if these bytes are no kernel module.
 */
export function moduleSections(module: Buffer, path: string): ReadonlyMap<string, Buffer> {
  const header = parseElfHeader(module.subarray(0, ELF_HEADER_BYTES));
  if (header === undefined) throw notAModule(path, "it is no 64-bit ELF file");
  const { offset, bytes } = header.sectionHeaders;
  const sections = parseSections(module.subarray(offset, offset + bytes));
  const names = sections[header.nameSection];
  const found = new Map<string, Buffer>();
  for (const section of names === undefined ? [] : sections) {
    const at = (names?.offset ?? 0) + section.nameOffset;
    const name = module.toString("latin1", at, at + MAX_SECTION_NAME_BYTES).split("\0", 1)[0] ?? "";
    if (!found.has(name)) found.set(name, module.subarray(section.offset, section.offset + section.sizeBytes));
  }
  return found;
}

function notAModule(path: string, why: string): BangerError {
  return new BangerError("KERNEL_INVALID", {
    what: `${path} is not a kernel module`,
    why,
    fix: "check the modules folder: it should be a copy of /lib/modules/RELEASE",
  });
}
