import type { FileHandle } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { readAt } from "../read-at.ts";

/** What a kernel's own strings tell about it. */
export interface KernelStrings {
  readonly release: string | undefined;
  /** Whether it looks for virtio-mmio devices on its command line. */
  readonly virtioMmioCmdline: boolean;
  /** The text of its `.config`, where it was built with CONFIG_IKCONFIG. */
  readonly config: string | undefined;
}

const CHUNK_BYTES = 1024 ** 2;
/** The longest of what is looked for: a config is some 50 kB packed. */
const OVERLAP_BYTES = 256 * 1024;
const MAX_CONFIG_BYTES = 4 * 1024 ** 2;

// linux_banner in init/version.c. linux_proc_banner beside it has a %s where this has the release.
const BANNER_START = "Linux version ";
const BANNER = /^Linux version (\d[\w.+~-]*) \(/;
/** The parameter that CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES makes, in a kernel; in a module it would have no prefix. */
const VIRTIO_MMIO_PARAMETER = "virtio_mmio.device";
// kernel/configs.c: the packed .config lies between these.
const IKCONFIG_START = "IKCFG_ST";
const IKCONFIG_END = "IKCFG_ED";

/** Looks through an unpacked kernel, in chunks that overlap so that nothing is missed between them. */
export async function findKernelStrings(
  file: FileHandle,
  areas: readonly { readonly offset: number; readonly sizeBytes: number }[],
  signal: AbortSignal,
): Promise<KernelStrings> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES + OVERLAP_BYTES);
  let release: string | undefined;
  let virtioMmioCmdline = false;
  let config: string | undefined;
  for (const area of areas) {
    for (let at = 0; at < area.sizeBytes; at += CHUNK_BYTES) {
      signal.throwIfAborted();
      const chunk = await readAt(file, area.offset + at, Math.min(buffer.length, area.sizeBytes - at), buffer);
      if (chunk.length === 0) break;
      release ??= releaseIn(chunk);
      virtioMmioCmdline ||= chunk.includes(VIRTIO_MMIO_PARAMETER);
      config ??= configIn(chunk);
    }
  }
  return { release, virtioMmioCmdline, config };
}

function releaseIn(chunk: Buffer): string | undefined {
  for (let at = chunk.indexOf(BANNER_START); at !== -1; at = chunk.indexOf(BANNER_START, at + 1)) {
    const release = BANNER.exec(chunk.toString("latin1", at, at + 256))?.[1];
    if (release !== undefined) return release;
  }
  return undefined;
}

function configIn(chunk: Buffer): string | undefined {
  const start = chunk.indexOf(IKCONFIG_START);
  const end = start === -1 ? -1 : chunk.indexOf(IKCONFIG_END, start);
  if (end === -1) return undefined;
  try {
    const packed = chunk.subarray(start + IKCONFIG_START.length, end);
    return gunzipSync(packed, { maxOutputLength: MAX_CONFIG_BYTES }).toString("utf8");
  } catch {
    // The markers can stand in other data too; without a config a kernel is merely less known.
    return undefined;
  }
}
