import { modinfoLines, moduleSections, normalModuleName } from "../boot/module-info.ts";

/** What the indexes say of one module, all read from its file. */
export interface ModuleFacts {
  /** Below /lib/modules/RELEASE: `kernel/fs/ext4/ext4.ko.xz`. */
  readonly path: string;
  /** With underscores, by the file's name: what modprobe is asked for. */
  readonly name: string;
  /** The lines of .modinfo in their order. */
  readonly info: readonly (readonly [key: string, value: string])[];
  /** Symbols that other modules may use. */
  readonly exports: readonly string[];
  /** Symbols that it takes from the kernel or other modules, in the order of its symbol table. */
  readonly needs: readonly string[];
}

// elf(5): Elf64_Sym.
const SYM_BYTES = 24;
const SHN_UNDEF = 0;
/** The kernel knows none that is longer (KSYM_NAME_LEN). */
const MAX_NAME_BYTES = 512;
/** The kernel's build marks each exported symbol by one of this name (MODVERSIONS). */
const CRC_PREFIX = "__crc_";

/**
 * Reads a module's facts from its unpacked bytes.
 *
 * @throws BangerError `KERNEL_INVALID` if they are no module.
 */
export function readModuleFacts(module: Buffer, path: string): ModuleFacts {
  const sections = moduleSections(module, path);
  const symbols = readSymbols(sections.get(".symtab"), sections.get(".strtab"));
  const versioned = symbols
    .filter(({ name }) => name.startsWith(CRC_PREFIX))
    .map(({ name }) => name.slice(CRC_PREFIX.length));
  return {
    path,
    name: nameOfPath(path),
    info: modinfoLines(module, path),
    exports: versioned.length > 0 ? versioned : exportedNames(sections.get("__ksymtab_strings")),
    needs: symbols.filter(({ isDefined, name }) => !isDefined && name !== "").map(({ name }) => name),
  };
}

/** `kernel/fs/nfs_common/nfs-acl.ko.xz` → `nfs_acl`. */
export function nameOfPath(path: string): string {
  const file = path.slice(path.lastIndexOf("/") + 1);
  return normalModuleName(file.split(".", 1)[0] ?? "");
}

function readSymbols(table: Buffer | undefined, names: Buffer | undefined): { name: string; isDefined: boolean }[] {
  if (table === undefined || names === undefined) return [];
  const symbols: { name: string; isDefined: boolean }[] = [];
  // The first symbol stands for none.
  for (let at = SYM_BYTES; at + SYM_BYTES <= table.length; at += SYM_BYTES) {
    const name = stringAt(names, table.readUInt32LE(at));
    symbols.push({ name, isDefined: table.readUInt16LE(at + 6) !== SHN_UNDEF });
  }
  return symbols;
}

function stringAt(names: Buffer, offset: number): string {
  if (offset >= names.length) return "";
  const name = names.subarray(offset, offset + MAX_NAME_BYTES);
  const end = name.indexOf(0);
  return name.toString("latin1", 0, end === -1 ? name.length : end);
}

/** Where there are no versions, the names stand here, with those of name spaces between them. */
function exportedNames(strings: Buffer | undefined): string[] {
  return (strings?.toString("latin1") ?? "").split("\0").filter((name) => name !== "");
}
