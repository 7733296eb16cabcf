import { readAr } from "./ar.ts";
import { collect, invalidArchive } from "../byte-reader.ts";
import { COMPRESSIONS, compressionOfName, decompress } from "../compression/decompress.ts";
import { extractTar, readCounted, type TarPlaces } from "../tar/extract-tar.ts";
import type { StepProgress } from "../../lib/reporting.ts";

/** Of deb(5): the first member, whose content is the version of the format. */
const DEB_BINARY = "debian-binary";
const DATA_MEMBER = /^data\.tar(?:\.(?:gz|xz|zst))?$/;

export interface ExtractOptions extends TarPlaces {
  /** Told how much of the package is read. */
  readonly onBytes: StepProgress;
}

/**
 * Unpacks chosen files of a .deb package. Owners, times and modes are not kept.
 *
 * @returns the paths below `targetDir` that were written, in the package's order.
 * @throws BangerError `ARCHIVE_INVALID` if it is no such package, damaged, or would write outside `targetDir`.
 */
export async function extractDeb(debPath: string, options: ExtractOptions): Promise<string[]> {
  let sawFormat = false;
  for await (const member of readAr(readCounted(debPath, options.signal, options.onBytes), debPath)) {
    if (member.name === DEB_BINARY) {
      const version = (await collect(member.content, 64, debPath)).toString("latin1").trim();
      if (!version.startsWith("2.")) throw invalidArchive(debPath, `its package format is ${version}, not 2.x`);
      sawFormat = true;
      continue;
    }
    if (!sawFormat) throw invalidArchive(debPath, "it is an ar archive, but no Debian package");
    if (!member.name.startsWith("data.tar")) continue;
    if (!DATA_MEMBER.test(member.name)) {
      throw invalidArchive(debPath, `${member.name} is packed with none of ${COMPRESSIONS.join(", ")}`);
    }
    const tar = decompress(member.content, compressionOfName(member.name), debPath);
    return await extractTar(tar, debPath, options);
  }
  throw invalidArchive(debPath, "it has no data.tar");
}
