// ELF, 64 bit, little-endian (elf(5)); only what tells a kernel or a module from the rest.
const EHDR_BYTES = 64;
const PHDR_BYTES = 56;
const SHDR_BYTES = 64;
const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
export const PT_LOAD = 1;
export const PT_INTERP = 3;
export const PT_NOTE = 4;
export const ET_REL = 1;
export const EM_X86_64 = 62;
export const EM_AARCH64 = 183;

/** Machines that people's kernels may be for, to name in an error. */
const MACHINES: Readonly<Record<number, string>> = {
  3: "32-bit x86",
  8: "MIPS",
  20: "32-bit PowerPC",
  21: "PowerPC 64",
  22: "s390",
  40: "32-bit ARM",
  62: "x86-64",
  183: "64-bit ARM",
  243: "RISC-V",
  258: "LoongArch",
};

export const ELF_HEADER_BYTES = EHDR_BYTES;

export interface ElfHeader {
  readonly type: number;
  readonly machine: number;
  readonly programHeaders: Table;
  readonly sectionHeaders: Table;
  /** Which section holds the names of sections. */
  readonly nameSection: number;
}

/** Where a table of headers lies in the file. */
interface Table {
  readonly offset: number;
  readonly count: number;
  readonly bytes: number;
}

export interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface Section {
  readonly nameOffset: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

export function isElf(start: Buffer): boolean {
  return start.length >= 6 && start.readUInt32BE(0) === 0x7f454c46;
}

export function machineName(machine: number): string {
  return MACHINES[machine] ?? `machine ${machine}`;
}

/** The header of a 64-bit little-endian ELF file; undefined for any other file, of other ELF classes too. */
export function parseElfHeader(start: Buffer): ElfHeader | undefined {
  if (start.length < EHDR_BYTES || !isElf(start)) return undefined;
  if (start[4] !== ELFCLASS64 || start[5] !== ELFDATA2LSB) return undefined;
  const table = (offset: number, entryBytes: number, count: number): Table => ({
    offset: Number(start.readBigUInt64LE(offset)),
    count,
    bytes: count * entryBytes,
  });
  return {
    type: start.readUInt16LE(16),
    machine: start.readUInt16LE(18),
    programHeaders: table(32, PHDR_BYTES, start.readUInt16LE(56)),
    sectionHeaders: table(40, SHDR_BYTES, start.readUInt16LE(60)),
    nameSection: start.readUInt16LE(62),
  };
}

/** @param table the bytes at `programHeaders`, fewer if the file is cut off. */
export function parseSegments(table: Buffer): Segment[] {
  return entries(table, PHDR_BYTES, (at) => ({
    type: table.readUInt32LE(at),
    offset: Number(table.readBigUInt64LE(at + 8)),
    sizeBytes: Number(table.readBigUInt64LE(at + 32)),
  }));
}

/** @param table the bytes at `sectionHeaders`, fewer if the file is cut off. */
export function parseSections(table: Buffer): Section[] {
  return entries(table, SHDR_BYTES, (at) => ({
    nameOffset: table.readUInt32LE(at),
    offset: Number(table.readBigUInt64LE(at + 24)),
    sizeBytes: Number(table.readBigUInt64LE(at + 32)),
  }));
}

export interface Note {
  readonly owner: string;
  readonly type: number;
}

/** The notes in a segment: sizes of owner and content, a type, then both, each padded to 4 bytes. */
export function parseNotes(segment: Buffer): Note[] {
  const notes: Note[] = [];
  for (let at = 0; at + 12 <= segment.length;) {
    const ownerBytes = segment.readUInt32LE(at);
    const contentBytes = segment.readUInt32LE(at + 4);
    const owner = segment.toString("latin1", at + 12, at + 12 + ownerBytes).replace(/\0+$/, "");
    notes.push({ owner, type: segment.readUInt32LE(at + 8) });
    at += 12 + alignTo4(ownerBytes) + alignTo4(contentBytes);
  }
  return notes;
}

function alignTo4(n: number): number {
  return Math.ceil(n / 4) * 4;
}

function entries<T>(table: Buffer, entryBytes: number, parse: (at: number) => T): T[] {
  const parsed: T[] = [];
  for (let at = 0; at + entryBytes <= table.length; at += entryBytes) parsed.push(parse(at));
  return parsed;
}
