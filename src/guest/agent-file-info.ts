import type { GuestFile } from "../model/guest-file.ts";
import { agentProtocol } from "./agent-errors.ts";
import { type FileInfo, FileType } from "./gen/banger/agent/v1/files_pb.ts";

/** Where something is in a guest, and as whom it is looked at. */
export interface GuestPlace {
  /** Below the user's home unless it begins with a slash. */
  readonly path: string;
  /** As of a command; empty: root. */
  readonly user: string;
}

const TYPES: Partial<Record<FileType, GuestFile["type"]>> = {
  [FileType.FILE]: "file",
  [FileType.FOLDER]: "directory",
  [FileType.LINK]: "symlink",
  [FileType.FIFO]: "fifo",
  [FileType.SOCKET]: "socket",
  [FileType.CHARACTER_DEVICE]: "char",
  [FileType.BLOCK_DEVICE]: "block",
};

/** What a guest says of a file: it may say anything. */
export function guestFile(info: FileInfo | undefined): GuestFile {
  const type = info === undefined ? undefined : TYPES[info.type];
  if (info === undefined || type === undefined) throw agentProtocol("it told of a file of no known kind");
  const { mode, uid, gid, owner, group } = info;
  const target = Buffer.from(info.linkTarget).toString();
  return {
    path: Buffer.from(info.path).toString(),
    type,
    mode: mode & 0o7777,
    uid,
    gid,
    ...(owner !== "" && { owner }),
    ...(group !== "" && { group }),
    sizeBytes: safe(info.sizeBytes),
    allocatedBytes: safe(info.allocatedBytes),
    links: safe(info.links),
    mtime: Number(info.modifiedNs / 1000n) / 1e6,
    ...(target !== "" && { target }),
  };
}

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw agentProtocol(`a figure of ${value}`);
  return Number(value);
}
