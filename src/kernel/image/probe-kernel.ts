import type { FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { openEmptied } from "../../lib/destroy.ts";
import { BangerError } from "../../lib/errors.ts";
import type { KernelAbilities, KernelArch, KernelFormat } from "../../model/kernel.ts";
import { BZ_HEADER_BYTES, parseBzImage, unpackBzImage, type BzImage } from "./bz-image.ts";
import * as elf from "../../formats/elf.ts";
import { featuresOf } from "./kernel-config.ts";
import { findKernelStrings, type KernelStrings } from "./kernel-strings.ts";
import { openForReading, readAt } from "../read-at.ts";

/** What a file is, found by reading it. */
export interface KernelProbe {
  readonly format: KernelFormat;
  readonly arch: KernelArch;
  readonly release: string;
  /** Of a bzImage that could not be unpacked, what can be told from outside: false where one cannot see. */
  readonly abilities: KernelAbilities;
  /** The text of its `.config`, where the kernel carries it (CONFIG_IKCONFIG). */
  readonly config: string | undefined;
  /** Whether it is a bzImage, and the kernel inside was written to a file of its own. */
  readonly unpacked: boolean;
}

/** A kernel with debug information is below 1 GiB; its loaded part is far smaller. */
const MAX_IMAGE_BYTES = 2 * 1024 ** 3;
const MAX_PAYLOAD_BYTES = 256 * 1024 ** 2;
/** The notes of a kernel are some 500 bytes. */
const MAX_NOTES_BYTES = 1024 ** 2;

// include/xen/interface/elfnote.h: where a PVH loader enters the kernel.
const XEN_NOTE_OWNER = "Xen";
const XEN_ELFNOTE_PHYS32_ENTRY = 18;

// Documentation/arch/arm64/booting.rst: the header of an Image.
const ARM64_IMAGE_MAGIC = { offset: 56, text: "ARM\x64" };

/**
 * Finds out what a kernel file is and what it can do.
 *
 * @param unpackTo where the kernel out of a bzImage is written, which is worth nothing if this fails.
 * @throws BangerError `KERNEL_INVALID`, saying what the file is instead; `FILE_UNREADABLE`.
 */
export async function probeKernelFile(path: string, unpackTo: string, signal: AbortSignal): Promise<KernelProbe> {
  await using file = await openForReading(path);
  const { size } = await file.stat();
  if (size > MAX_IMAGE_BYTES) throw notAKernel(path, `it is larger than ${MAX_IMAGE_BYTES} bytes`);
  const start = await readAt(file, 0, Math.min(size, 4096));

  if (elf.isElf(start)) return await probeElf(file, start, path, signal);
  const bzImage = parseBzImage(start.subarray(0, BZ_HEADER_BYTES));
  if (bzImage !== undefined) return await probeBzImage(file, bzImage, path, unpackTo, signal);
  if (start.toString("latin1", ARM64_IMAGE_MAGIC.offset, ARM64_IMAGE_MAGIC.offset + 4) === ARM64_IMAGE_MAGIC.text) {
    const found = await findKernelStrings(file, [{ offset: 0, sizeBytes: size }], signal);
    return probeOf("arm64-image", "arm64", found, false, path);
  }
  throw notAKernel(path, describe(start, size));
}

async function probeElf(file: FileHandle, start: Buffer, path: string, signal: AbortSignal): Promise<KernelProbe> {
  const header = elf.parseElfHeader(start);
  if (header === undefined) throw notAKernel(path, "it is an ELF file of 32 bits or of big-endian byte order");
  const arch = ARCH_OF_MACHINE[header.machine];
  if (arch === undefined) throw notAKernel(path, `it is an ELF file for ${elf.machineName(header.machine)}`);
  if (header.type === elf.ET_REL) throw notAKernel(path, "it is an object file or a kernel module");
  const table = header.programHeaders;
  const segments = elf.parseSegments(await readAt(file, table.offset, table.bytes));
  if (segments.some((segment) => segment.type === elf.PT_INTERP)) throw notAKernel(path, "it is an ordinary program");

  let pvh = false;
  for (const segment of segments.filter((s) => s.type === elf.PT_NOTE)) {
    const notes = elf.parseNotes(await readAt(file, segment.offset, Math.min(segment.sizeBytes, MAX_NOTES_BYTES)));
    pvh ||= notes.some((note) => note.owner === XEN_NOTE_OWNER && note.type === XEN_ELFNOTE_PHYS32_ENTRY);
  }
  const found = await findKernelStrings(
    file,
    segments.filter((segment) => segment.type === elf.PT_LOAD),
    signal,
  );
  return probeOf("elf", arch, found, pvh, path);
}

const ARCH_OF_MACHINE: Readonly<Record<number, KernelArch>> = { [elf.EM_X86_64]: "amd64", [elf.EM_AARCH64]: "arm64" };

async function probeBzImage(
  file: FileHandle,
  image: BzImage,
  path: string,
  unpackTo: string,
  signal: AbortSignal,
): Promise<KernelProbe> {
  if (image.payloadBytes > MAX_PAYLOAD_BYTES)
    throw notAKernel(path, "it is a damaged bzImage: its payload is too large");
  const { size } = await file.stat();
  if (size < image.payloadOffset + image.payloadBytes) throw notAKernel(path, "it is a bzImage that is cut off");
  const unpacked = await unpackBzImage(file, image, path);
  if (unpacked.kind === "elf") {
    {
      // Whoever makes a kernel may look at it twice.
      await using target = await openEmptied(unpackTo, 0o644, "in a kernel's folder in the making, by who makes it");
      await target.writeFile(unpacked.content, { signal });
    }
    await using kernel = await openForReading(unpackTo);
    const inner = await probeElf(kernel, await readAt(kernel, 0, elf.ELF_HEADER_BYTES), path, signal);
    return { ...inner, format: "bzImage", unpacked: true };
  }
  // What can be told without unpacking: the release, from the text that the header points to.
  const text = image.versionOffset === undefined ? Buffer.alloc(0) : await readAt(file, image.versionOffset, 256);
  const release = /^(\S+) \(/.exec(text.toString("latin1"))?.[1];
  if (release === undefined)
    throw notAKernel(path, `it is a bzImage that does not say its release, and ${unpacked.why}`);
  const abilities = { pvh: false, virtioMmioCmdline: false };
  return { format: "bzImage", arch: "amd64", release, abilities, config: undefined, unpacked: false };
}

function probeOf(
  format: KernelFormat,
  arch: KernelArch,
  found: KernelStrings,
  pvh: boolean,
  path: string,
): KernelProbe {
  if (found.release === undefined) throw notAKernel(path, 'it says nowhere "Linux version"');
  const { release, virtioMmioCmdline, config } = found;
  const abilities = { pvh, virtioMmioCmdline, ...(config !== undefined && { features: featuresOf(config) }) };
  return { format, arch, release, abilities, config, unpacked: false };
}

/** What a file that is no kernel looks like, in words. */
function describe(start: Buffer, size: number): string {
  if (size === 0) return "it is empty";
  const hex = start.toString("hex", 0, 6);
  const known: readonly (readonly [string, string])[] = [
    ["1f8b", "it is a gzip file: unpack it first"],
    ["fd377a585a00", "it is an xz file: unpack it first"],
    ["28b52ffd", "it is a zstd file: unpack it first"],
    ["213c617263683e", "it is an ar archive or a Debian package: `banger kernel pull` reads those"],
    ["303730373031", "it is a cpio archive: pass it as --initrd"],
    ["2321", "it is a script"],
    ["4d5a", "it is an EFI or Windows program, and no kernel that boots directly"],
  ];
  const match = known.find(([magic]) => hex.startsWith(magic.slice(0, 12)));
  if (match !== undefined) return match[1];
  const isText = !start.some((byte) => byte < 9 || (byte > 13 && byte < 32));
  return isText ? "it is a text file" : "it is neither an ELF vmlinux, a bzImage nor an arm64 Image";
}

function notAKernel(path: string, why: string): BangerError {
  return new BangerError("KERNEL_INVALID", {
    what: `${basename(path)} is not a kernel that banger can boot`,
    why,
    fix: "name an uncompressed vmlinux or a bzImage for this host's processor",
    data: { path },
  });
}
