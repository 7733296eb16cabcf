const EHDR_BYTES = 64;
const PHDR_BYTES = 56;
const SHDR_BYTES = 64;

export interface TestSegment {
  /** PT_LOAD 1, PT_INTERP 3, PT_NOTE 4. */
  readonly type: number;
  readonly content: Buffer;
}

export interface TestElf {
  /** ET_REL 1, ET_EXEC 2, ET_DYN 3. */
  readonly type?: number;
  /** x86-64 unless told. */
  readonly machine?: number;
  readonly segments?: readonly TestSegment[];
  readonly sections?: Readonly<Record<string, Buffer>>;
}

/** A 64-bit little-endian ELF file with these segments and sections: contents first, then the tables. */
export function buildElf({ type = 2, machine = 62, segments = [], sections = {} }: TestElf): Buffer {
  const names = Buffer.from(`\0${Object.keys(sections).join("\0")}\0.shstrtab\0`);
  const named = [...Object.entries(sections), [".shstrtab", names] as const];
  const parts: Buffer[] = [];
  let end = EHDR_BYTES + segments.length * PHDR_BYTES;
  const place = (content: Buffer): number => {
    parts.push(content);
    end += content.length;
    return end - content.length;
  };

  const programTable = segments.map((segment) => {
    const header = Buffer.alloc(PHDR_BYTES);
    header.writeUInt32LE(segment.type, 0);
    header.writeBigUInt64LE(BigInt(place(segment.content)), 8);
    header.writeBigUInt64LE(BigInt(segment.content.length), 32);
    return header;
  });
  const sectionTable = named.map(([name, content]) => {
    const header = Buffer.alloc(SHDR_BYTES);
    header.writeUInt32LE(names.indexOf(`${name}\0`), 0);
    header.writeBigUInt64LE(BigInt(place(content)), 24);
    header.writeBigUInt64LE(BigInt(content.length), 32);
    return header;
  });

  const header = Buffer.alloc(EHDR_BYTES);
  header.write("\x7fELF\x02\x01\x01", "latin1");
  header.writeUInt16LE(type, 16);
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(segments.length === 0 ? 0 : EHDR_BYTES), 32);
  header.writeBigUInt64LE(BigInt(end), 40);
  header.writeUInt16LE(EHDR_BYTES, 52);
  header.writeUInt16LE(PHDR_BYTES, 54);
  header.writeUInt16LE(segments.length, 56);
  header.writeUInt16LE(SHDR_BYTES, 58);
  // The table of sections begins with an empty one.
  header.writeUInt16LE(named.length + 1, 60);
  header.writeUInt16LE(named.length, 62);
  return Buffer.concat([header, ...programTable, ...parts, Buffer.alloc(SHDR_BYTES), ...sectionTable]);
}

/** What a module gives to others and takes from them. */
export interface TestSymbols {
  readonly exports?: readonly string[];
  readonly needs?: readonly string[];
}

/**
 * A kernel module that says this about itself: `{ name: "virtio_blk", depends: "virtio,virtio_ring" }`, or pairs where a
 * key comes more than once.
 */
export function buildModule(
  info: Readonly<Record<string, string>> | readonly (readonly [string, string])[],
  symbols: TestSymbols = {},
): Buffer {
  const lines = Array.isArray(info) ? (info as readonly (readonly [string, string])[]) : Object.entries(info);
  const text = lines.map(([key, value]) => `${key}=${value}\0`).join("");
  return buildElf({
    type: 1,
    sections: { ".text": Buffer.alloc(16), ".modinfo": Buffer.from(text), ...symbolSections(symbols) },
  });
}

const SYM_BYTES = 24;
const STB_GLOBAL = 1;
/** `.text`, whose bytes stand for the checksum that lies there. */
const TEXT_SECTION = 1;

/** Elf64_Sym (elf(5)): `__crc_` for each export, defined; what is needed, not. */
function symbolSections({ exports = [], needs = [] }: TestSymbols): Record<string, Buffer> {
  const symbols = [
    ...exports.map((name) => ({ name: `__crc_${name}`, section: TEXT_SECTION })),
    ...needs.map((name) => ({ name, section: 0 })),
  ];
  const names = Buffer.from(`\0${symbols.map(({ name }) => `${name}\0`).join("")}`);
  const table = symbols.map(({ name, section }) => {
    const symbol = Buffer.alloc(SYM_BYTES);
    symbol.writeUInt32LE(names.indexOf(`\0${name}\0`) + 1, 0);
    symbol.writeUInt8(STB_GLOBAL << 4, 4);
    symbol.writeUInt16LE(section, 6);
    return symbol;
  });
  return {
    ".symtab": Buffer.concat([Buffer.alloc(SYM_BYTES), ...table]),
    ".strtab": names,
  };
}

/** One note of an ELF file. */
export function buildNote(owner: string, type: number, content: Buffer): Buffer {
  const name = Buffer.from(`${owner}\0`);
  const header = Buffer.alloc(12);
  header.writeUInt32LE(name.length, 0);
  header.writeUInt32LE(content.length, 4);
  header.writeUInt32LE(type, 8);
  return Buffer.concat([header, paddedTo4(name), paddedTo4(content)]);
}

function paddedTo4(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

/** A vmlinux as far as anyone looks who does not run it. */
export function buildKernel(release: string, more: { readonly text?: string; readonly pvh?: boolean } = {}): Buffer {
  const banner = `Linux version ${release} (builder@host) (gcc) #1 SMP\n\0${more.text ?? ""}\0`;
  // A kernel's strings lie deep inside: past the first chunk that is read.
  const content = Buffer.concat([Buffer.alloc(5 * 1024 ** 2), Buffer.from(banner)]);
  const notes = [
    buildNote("GNU", 3, Buffer.alloc(20)),
    ...(more.pvh === true ? [buildNote("Xen", 18, Buffer.alloc(4))] : []),
  ];
  return buildElf({
    segments: [
      { type: 1, content },
      { type: 4, content: Buffer.concat(notes) },
    ],
  });
}

/** A bzImage around a kernel that is packed, as far as its header is read. */
export function buildBzImage(payload: Buffer, version: string): Buffer {
  const setup = Buffer.alloc(2 * 512);
  setup[0x1f1] = 1;
  setup.writeUInt16LE(0xaa55, 0x1fe);
  setup.write("HdrS", 0x202);
  setup.writeUInt16LE(0x20f, 0x206);
  setup.writeUInt16LE(0x300 - 0x200, 0x20e);
  setup.write(`${version} (builder@host) #1\0`, 0x300);
  setup.writeUInt32LE(16, 0x248);
  setup.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([setup, Buffer.alloc(16), payload]);
}
