import type { ScratchFile } from "../lib/scratch-file.ts";
import { I_BLOCK_BYTES } from "./inode-format.ts";
import type { Placement } from "./placement.ts";

/** A record: the numbers of a placement, then its `i_block`. */
const INO_AT = 0;
const FLAGS_AT = 4;
const LINKS_AT = 8;
const SIZE_AT = 12;
const BLOCKS_AT = 20;
const XATTR_BLOCK_AT = 28;
const I_BLOCK_AT = 36;
const RECORD_BYTES = I_BLOCK_AT + I_BLOCK_BYTES;

/** Placements of inodes, put away from when they are made until the inode tables are written. */
export class PlacementLog {
  readonly #scratch: ScratchFile;
  readonly #record = Buffer.alloc(RECORD_BYTES);

  /** @param scratch one that nobody else uses. */
  constructor(scratch: ScratchFile) {
    this.#scratch = scratch;
  }

  /** Adds the placement of an inode whose number is higher than those before. */
  add(ino: number, { iBlock, flags, sizeBytes, links, blocks, xattrBlock }: Placement): void {
    const record = this.#record.fill(0);
    record.writeUInt32LE(ino, INO_AT);
    record.writeUInt32LE(flags, FLAGS_AT);
    record.writeUInt32LE(links, LINKS_AT);
    record.writeDoubleLE(sizeBytes, SIZE_AT);
    record.writeDoubleLE(blocks, BLOCKS_AT);
    record.writeDoubleLE(xattrBlock, XATTR_BLOCK_AT);
    iBlock.copy(record, I_BLOCK_AT);
    this.#scratch.append(record);
  }

  /** All of them, in order; each one's `iBlock` is good until the next is asked for. */
  *read(): Generator<{ ino: number; placement: Placement }, void, undefined> {
    for (let at = 0; at < this.#scratch.length; at += RECORD_BYTES) {
      const record = this.#scratch.read(at, RECORD_BYTES);
      const placement = {
        iBlock: record.subarray(I_BLOCK_AT),
        flags: record.readUInt32LE(FLAGS_AT),
        sizeBytes: record.readDoubleLE(SIZE_AT),
        links: record.readUInt32LE(LINKS_AT),
        blocks: record.readDoubleLE(BLOCKS_AT),
        xattrBlock: record.readDoubleLE(XATTR_BLOCK_AT),
      };
      yield { ino: record.readUInt32LE(INO_AT), placement };
    }
  }
}
