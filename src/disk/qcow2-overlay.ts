import { BangerError } from "../lib/errors.ts";
import { aboutFields } from "../model/fields/about-fields.ts";
import { bytes, type Bytes } from "../lib/bytes.ts";

/** Fields and values of QEMU's docs/interop/qcow2.txt. All numbers are big-endian. */
const QCOW2_MAGIC = 0x514649fb; // "QFI\xfb"
const QCOW2_VERSION = 3;
const CLUSTER_BITS = 16;
const CLUSTER_BYTES = 1 << CLUSTER_BITS;
const REFCOUNT_ORDER = 4; // Counts of 2^4 = 16 bits.
const HEADER_LENGTH = 104;
const EXTENSION_BACKING_FORMAT = 0xe2792aca;
const EXTENSION_END = 0;
/** `backing_file_size` may not pass it. */
const MAX_BACKING_NAME_BYTES = 1023;

/** An L1 entry leads to one cluster of L2 entries, 8 bytes each, of which each leads to one cluster of data: 512 MiB. */
const BYTES_PER_L1_ENTRY = (CLUSTER_BYTES / 8) * CLUSTER_BYTES;
/** `l1_size` may not pass 32 MiB in QEMU; far below that the one refcount block of ours would be full. */
const MAX_L1_CLUSTERS = 64;

const HEADER_CLUSTER = 0;
const REFCOUNT_TABLE_CLUSTER = 1;
const REFCOUNT_BLOCK_CLUSTER = 2;
const L1_CLUSTER = 3;

/** Length of a fresh overlay for a disk of this size. */
export function qcow2FileBytes(sizeBytes: Bytes): Bytes {
  return bytes((L1_CLUSTER + l1Clusters(sizeBytes)) * CLUSTER_BYTES);
}

/**
 * A fresh qcow2 image over a raw file: every cluster reads from there until it is written. The same bytes that
 * `qemu-img create -F raw -b BASE` would make matter, not its start of a process.
 *
 * @param sizeBytes what the guest sees; rounded up to a sector of 512 bytes.
 * @throws BangerError `PATH_TOO_LONG` for a base's path over 1023 bytes; `VM_SPEC_INVALID` for a disk over 256 TiB.
 */
export function qcow2Overlay(basePath: string, sizeBytes: Bytes): Buffer {
  const name = Buffer.from(basePath);
  if (name.length > MAX_BACKING_NAME_BYTES) throw nameTooLong(basePath);
  if (l1Clusters(sizeBytes) > MAX_L1_CLUSTERS) throw tooLarge(sizeBytes);
  const image = Buffer.alloc(qcow2FileBytes(sizeBytes));
  writeHeader(image, name, sizeBytes);
  image.writeBigUInt64BE(BigInt(REFCOUNT_BLOCK_CLUSTER * CLUSTER_BYTES), REFCOUNT_TABLE_CLUSTER * CLUSTER_BYTES);
  const clusters = image.length / CLUSTER_BYTES;
  for (let cluster = 0; cluster < clusters; cluster += 1) {
    image.writeUInt16BE(1, REFCOUNT_BLOCK_CLUSTER * CLUSTER_BYTES + cluster * 2);
  }
  return image;
}

function writeHeader(image: Buffer, name: Buffer, sizeBytes: Bytes): void {
  const format = Buffer.from("raw");
  const extensions = Buffer.alloc(8 + 8 + 8);
  extensions.writeUInt32BE(EXTENSION_BACKING_FORMAT, 0);
  extensions.writeUInt32BE(format.length, 4);
  format.copy(extensions, 8); // Padded to 8 bytes.
  extensions.writeUInt32BE(EXTENSION_END, 16);
  const nameOffset = HEADER_LENGTH + extensions.length;

  const at = HEADER_CLUSTER * CLUSTER_BYTES;
  image.writeUInt32BE(QCOW2_MAGIC, at);
  image.writeUInt32BE(QCOW2_VERSION, at + 4);
  image.writeBigUInt64BE(BigInt(nameOffset), at + 8); // backing_file_offset
  image.writeUInt32BE(name.length, at + 16); // backing_file_size
  image.writeUInt32BE(CLUSTER_BITS, at + 20); // cluster_bits
  image.writeBigUInt64BE(BigInt(Math.ceil(sizeBytes / 512) * 512), at + 24); // size
  image.writeUInt32BE(Math.ceil(sizeBytes / BYTES_PER_L1_ENTRY), at + 36); // l1_size
  image.writeBigUInt64BE(BigInt(L1_CLUSTER * CLUSTER_BYTES), at + 40); // l1_table_offset
  image.writeBigUInt64BE(BigInt(REFCOUNT_TABLE_CLUSTER * CLUSTER_BYTES), at + 48); // refcount_table_offset
  image.writeUInt32BE(1, at + 56); // refcount_table_clusters
  image.writeUInt32BE(REFCOUNT_ORDER, at + 96); // refcount_order
  image.writeUInt32BE(HEADER_LENGTH, at + 100); // header_length
  extensions.copy(image, at + HEADER_LENGTH);
  name.copy(image, at + nameOffset);
}

function l1Clusters(sizeBytes: Bytes): number {
  return Math.max(1, Math.ceil((Math.ceil(sizeBytes / BYTES_PER_L1_ENTRY) * 8) / CLUSTER_BYTES));
}

function nameTooLong(path: string): BangerError {
  return new BangerError("PATH_TOO_LONG", {
    what: `the path of an image's disk is too long: ${path}`,
    why: `a qcow2 overlay names its base in at most ${MAX_BACKING_NAME_BYTES} bytes`,
    fix: "move XDG_DATA_HOME to a folder with a shorter path",
  });
}

function tooLarge(sizeBytes: Bytes): BangerError {
  return new BangerError("VM_SPEC_INVALID", {
    what: `a disk of ${sizeBytes} bytes is too large`,
    fix: "ask for at most 256 TiB with `diskSizeBytes`",
    data: aboutFields("diskSizeBytes"),
  });
}
