const BLOCK = 512;

/** One member of an archive, in the terms of its header. Whatever is left out has a plain value. */
export interface TarMember {
  readonly name: string | Buffer;
  readonly type?: string;
  readonly content?: string | Buffer;
  /** What the header claims; the content's length otherwise. A string is written as it is. */
  readonly size?: number | string | Buffer;
  readonly mode?: number;
  readonly uid?: number | Buffer;
  readonly gid?: number | Buffer;
  readonly mtime?: number | Buffer;
  readonly linkname?: string | Buffer;
  readonly devmajor?: number;
  readonly devminor?: number;
  readonly prefix?: string;
  readonly format?: "ustar" | "gnu" | "v7";
  /** `signed`: as some old tars sum; a number: that one, right or wrong. */
  readonly checksum?: "signed" | number;
  /** Last word on the block, before its checksum. */
  readonly edit?: (header: Buffer) => void;
}

/** Writes tar archives as they are found in the wild and as they should never be. Checks nothing. */
export class TarBuilder {
  readonly #parts: Buffer[] = [];

  add(member: TarMember): this {
    const content = Buffer.from(member.content ?? "");
    this.#parts.push(tarHeader({ ...member, size: member.size ?? content.length }), padded(content));
    return this;
  }

  file(name: string | Buffer, content: string | Buffer = "", more: Partial<TarMember> = {}): this {
    return this.add({ name, content, ...more });
  }

  dir(name: string, more: Partial<TarMember> = {}): this {
    return this.add({ name, type: "5", mode: 0o755, ...more });
  }

  symlink(name: string, target: string, more: Partial<TarMember> = {}): this {
    return this.add({ name, type: "2", linkname: target, mode: 0o777, ...more });
  }

  hardlink(name: string, target: string, more: Partial<TarMember> = {}): this {
    return this.add({ name, type: "1", linkname: target, ...more });
  }

  /** An extended header for the next member, or (type `g`) for all. Pairs keep their order and may repeat. */
  pax(records: readonly (readonly [string, string | Buffer])[], type = "x"): this {
    return this.add({ name: "PaxHeaders/x", type, content: Buffer.concat(records.map(([k, v]) => paxRecord(k, v))) });
  }

  /** GNU's long name (`L`) or long link target (`K`) for the next member. */
  long(text: string | Buffer, type: "L" | "K" = "L"): this {
    return this.add({
      name: "././@LongLink",
      type,
      content: Buffer.concat([Buffer.from(text), Buffer.alloc(1)]),
      format: "gnu",
    });
  }

  raw(bytes: Buffer): this {
    this.#parts.push(bytes);
    return this;
  }

  /** The archive with its two blocks of zeros. */
  end(): Buffer {
    return Buffer.concat([...this.#parts, Buffer.alloc(2 * BLOCK)]);
  }

  /** The archive as it is, without an end. */
  cut(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

export function tarHeader(member: TarMember): Buffer {
  const { format = "ustar", checksum } = member;
  const block = Buffer.alloc(BLOCK);
  Buffer.from(member.name).copy(block, 0, 0, 100);
  field(block, 100, 8, member.mode ?? 0o644);
  field(block, 108, 8, member.uid ?? 0);
  field(block, 116, 8, member.gid ?? 0);
  field(block, 124, 12, member.size ?? 0);
  field(block, 136, 12, member.mtime ?? 0);
  block.write(member.type ?? "0", 156, 1, "latin1");
  Buffer.from(member.linkname ?? "").copy(block, 157, 0, 100);
  if (format === "ustar") block.write("ustar\x0000", 257, "latin1");
  if (format === "gnu") block.write("ustar  \0", 257, "latin1");
  if (format !== "v7") {
    field(block, 329, 8, member.devmajor ?? 0);
    field(block, 337, 8, member.devminor ?? 0);
    block.write(member.prefix ?? "", 345, 155, "latin1");
  }
  member.edit?.(block);
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += checksum === "signed" && byte > 127 ? byte - 256 : byte;
  block.write(`${(typeof checksum === "number" ? checksum : sum).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

export function paxRecord(key: string, value: string | Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`, "latin1"), Buffer.from(value), Buffer.from("\n")]);
  let length = body.length;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

/** A number as GNU writes those that octal digits cannot hold: big-endian two's complement, first bit set. */
export function base256(value: bigint, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let rest = BigInt.asUintN(8 * length, value);
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  bytes[0] = (bytes[0] ?? 0) | 0x80;
  return bytes;
}

function field(block: Buffer, offset: number, length: number, value: number | string | Buffer): void {
  if (typeof value === "number") {
    block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, offset, length, "latin1");
  } else {
    Buffer.from(value).copy(block, offset, 0, length);
  }
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]);
}
