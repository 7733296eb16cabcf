import { parseInfoLines } from "../boot/module-info.ts";
import type { PlacedModule } from "./dependencies.ts";
import { IndexTrie } from "./index-trie.ts";
import { nameOfPath } from "./module-facts.ts";

/** What the kernel holds itself, as its build has written it down. */
export interface BuiltinLists {
  /** `modules.builtin`: paths, one a line. */
  readonly builtin: string;
  /** `modules.builtin.modinfo`: `module.key=value`, each ended by a zero byte. */
  readonly builtinInfo: Buffer;
}

/**
 * The indexes that modprobe, udev and systemd look into, by their names below /lib/modules/RELEASE (modules.dep(5)): as
 * text for busybox and people, as tries for kmod. Debian's packages leave them to depmod, on installation.
 */
export function moduleIndexes(modules: readonly PlacedModule[], lists: BuiltinLists): ReadonlyMap<string, Buffer> {
  const dep = new IndexTrie();
  for (const module of modules) dep.add(module.name, depLine(module), module.index);
  const alias = new IndexTrie();
  const symbols = new IndexTrie();
  for (const module of modules) {
    for (const value of valuesOf(module, "alias")) {
      const pattern = normalAlias(value);
      if (pattern !== undefined) alias.add(pattern, module.name, module.index);
    }
    for (const symbol of module.exports) symbols.add(`symbol:${symbol}`, module.name, module.index);
  }
  const builtin = new IndexTrie();
  for (const path of lists.builtin.split("\n").filter(Boolean)) builtin.add(nameOfPath(path), "", 0);

  return new Map([
    ["modules.dep", Buffer.from(modules.map((module) => `${depLine(module)}\n`).join(""))],
    ["modules.dep.bin", dep.toBytes()],
    ["modules.alias", text("# Aliases extracted from modules themselves.", aliasLines(modules))],
    ["modules.alias.bin", alias.toBytes()],
    ["modules.softdep", text("# Soft dependencies extracted from modules themselves.", softdepLines(modules))],
    ["modules.symbols", text("# Aliases for symbols, used by symbol_request().", symbolLines(modules))],
    ["modules.symbols.bin", symbols.toBytes()],
    ["modules.devname", devnames(modules)],
    ["modules.builtin.bin", builtin.toBytes()],
    ["modules.builtin.alias.bin", builtinAliases(lists.builtinInfo).toBytes()],
  ]);
}

/** `kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko kernel/lib/crc16.ko` */
function depLine({ path, dependencies }: PlacedModule): string {
  return [`${path}:`, ...dependencies.map((dependency) => dependency.path)].join(" ");
}

function valuesOf({ info }: PlacedModule, wanted: string): string[] {
  return info.filter(([key]) => key === wanted).map(([, value]) => value);
}

function text(head: string, lines: readonly string[]): Buffer {
  return Buffer.from([head, ...lines].map((line) => `${line}\n`).join(""));
}

function aliasLines(modules: readonly PlacedModule[]): string[] {
  return modules.flatMap((module) => valuesOf(module, "alias").map((value) => `alias ${value} ${module.name}`));
}

function softdepLines(modules: readonly PlacedModule[]): string[] {
  return modules.flatMap((module) => valuesOf(module, "softdep").map((value) => `softdep ${module.name} ${value}`));
}

function symbolLines(modules: readonly PlacedModule[]): string[] {
  return modules.flatMap((module) => module.exports.map((symbol) => `alias symbol:${symbol} ${module.name}`));
}

/**
 * One name for `-` and `_`, but within brackets, where they stand for themselves; undefined where those do not match.
 */
function normalAlias(alias: string): string | undefined {
  if (!/^(?:[^[\]]|\[[^\]]*\])*$/.test(alias)) return undefined;
  return alias.replace(/\[[^\]]*\]|-/g, (found) => (found === "-" ? "_" : found));
}

/** Device nodes whose first opening loads their module: systemd and udev make them at boot (`kmod static-nodes`). */
function devnames(modules: readonly PlacedModule[]): Buffer {
  const lines = modules.flatMap((module) => {
    const aliases = valuesOf(module, "alias");
    const name = aliases.map((alias) => /^devname:(.+)$/.exec(alias)?.[1]).find((found) => found !== undefined);
    const node = aliases.map((alias) => /^(char|block)-major-(\d+)-(\d+)$/.exec(alias)).find((found) => found !== null);
    if (name === undefined || node === undefined) return [];
    return [`${module.name} ${name} ${node[1] === "char" ? "c" : "b"}${node[2]}:${node[3]}`];
  });
  return lines.length === 0 ? Buffer.alloc(0) : text("# Device nodes to trigger on-demand module loading.", lines);
}

function builtinAliases(info: Buffer): IndexTrie {
  const index = new IndexTrie();
  for (const [key, value] of parseInfoLines(info)) {
    const dot = key.lastIndexOf(".");
    if (key.slice(dot + 1) !== "alias") continue;
    const pattern = normalAlias(value);
    if (pattern !== undefined) index.add(pattern, key.slice(0, dot), 0);
  }
  return index;
}
