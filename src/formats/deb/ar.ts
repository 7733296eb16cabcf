import { ByteReader, invalidArchive, memberContent, type ByteStream } from "../byte-reader.ts";

// The archive format of ar(5), as deb(5) uses it: no long names, no symbol table.
const ARMAG = "!<arch>\n";
const ARFMAG = "`\n";
const HEADER_BYTES = 60;

const MAX_MEMBERS = 64;

export interface ArMember {
  readonly name: string;
  readonly sizeBytes: number;
  /** Valid until the next member is asked for; what is left of it is passed over then. */
  readonly content: ByteStream;
}

/**
 * The members of an ar archive, in order.
 *
 * @param name what is read, for errors.
 * @throws BangerError `ARCHIVE_INVALID`.
 */
export async function* readAr(stream: ByteStream, name: string): AsyncGenerator<ArMember> {
  await using reader = new ByteReader(stream, name);
  if ((await reader.read(ARMAG.length)).toString("latin1") !== ARMAG) throw invalidArchive(name, "it is no ar archive");
  for (let count = 0; !(await reader.atEnd()); count += 1) {
    if (count === MAX_MEMBERS) throw invalidArchive(name, `it has more than ${MAX_MEMBERS} members`);
    const header = parseHeader(await reader.read(HEADER_BYTES), name);
    const content = memberContent(reader, header.sizeBytes);
    yield { ...header, content: content.stream };
    await content.drain();
    // Members begin at even offsets; the last one's padding is sometimes left out.
    if (header.sizeBytes % 2 === 1 && !(await reader.atEnd())) await reader.skip(1);
  }
}

function parseHeader(header: Buffer, archive: string): Pick<ArMember, "name" | "sizeBytes"> {
  const field = (start: number, length: number): string => header.toString("latin1", start, start + length).trimEnd();
  const size = field(48, 10);
  if (field(58, 2) !== ARFMAG.trimEnd() || !/^\d+$/.test(size)) {
    throw invalidArchive(archive, "a member's header is damaged");
  }
  return { name: field(0, 16).replace(/\/$/, ""), sizeBytes: Number(size) };
}
