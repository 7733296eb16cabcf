import { BLOCK_BYTES } from "./geometry.ts";

/** struct journal_superblock_s (Linux, include/linux/jbd2.h), which is big-endian. */
const JBD2_MAGIC_NUMBER = 0xc03b3998;
const JBD2_SUPERBLOCK_V2 = 4;

/** The first block of an empty journal. The rest of it may hold anything: `s_start` of 0 says that nothing counts. */
export function encodeJournalSuperblock(journalBlocks: number, uuid: Buffer): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.writeUInt32BE(JBD2_MAGIC_NUMBER, 0); // h_magic
  block.writeUInt32BE(JBD2_SUPERBLOCK_V2, 4); // h_blocktype
  block.writeUInt32BE(BLOCK_BYTES, 12); // s_blocksize
  block.writeUInt32BE(journalBlocks, 16); // s_maxlen
  block.writeUInt32BE(1, 20); // s_first
  block.writeUInt32BE(1, 24); // s_sequence
  uuid.copy(block, 48); // s_uuid
  block.writeUInt32BE(1, 64); // s_nr_users
  return block;
}
