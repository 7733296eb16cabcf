import { createHash } from "node:crypto";
import { openExt4, type Ext4Image } from "../../../ext4/reader/ext4-image.ts";
import type { Ext4Stat } from "../../../ext4/reader/inode-fields.ts";
import { asBangerError } from "../../../lib/errors.ts";
import type { GuestSystem } from "../../../model/image.ts";
import { OPENRC_PATHS, OS_RELEASE_PATHS, SYSTEMD_PATHS } from "./guest-system.ts";
import { parseOsRelease, systemOf } from "./os-release.ts";
import { AGENT_PATH } from "../agent/agent-program.ts";

const MAX_OS_RELEASE_BYTES = 64 * 1024;
/** Far more than the agent has: what is larger is something else. */
const MAX_AGENT_BYTES = 256 * 1024 ** 2;

/** What a finished root file system tells of itself, whoever made it. */
export interface RootfsFacts {
  readonly system: GuestSystem;
  /** `sha256:…` of the agent in it; absent where there is none. */
  readonly agentDigest?: string;
  readonly uuid: string;
  /** Of the file system; its file may be longer. */
  readonly sizeBytes: number;
  readonly usedBytes: number;
  readonly isClean: boolean;
}

/**
 * Reads a root file system without mounting it.
 *
 * @throws BangerError `EXT4_INVALID` if it is no ext4 (ext2 and ext3 are read as such), or one that cannot be read.
 */
export async function inspectRootfs(path: string): Promise<RootfsFacts> {
  await using volume = await openExt4(path);
  const release = await firstFile(volume, OS_RELEASE_PATHS);
  const text = release === undefined ? "" : (await readWhole(volume, release, MAX_OS_RELEASE_BYTES)).toString("utf8");
  const agentDigest = await digestOfAgent(volume);
  return {
    system: {
      init: await findInit(volume),
      ...systemOf(parseOsRelease(text)),
    },
    ...(agentDigest !== undefined && { agentDigest }),
    uuid: volume.uuid,
    sizeBytes: volume.sizeBytes,
    usedBytes: volume.usedBytes,
    isClean: volume.isClean,
  };
}

async function findInit(volume: Ext4Image): Promise<GuestSystem["init"]> {
  const isProgram = async (paths: readonly string[]): Promise<boolean> => {
    const found = await firstFile(volume, paths);
    return found !== undefined && (found.mode & 0o111) !== 0;
  };
  if (await isProgram(SYSTEMD_PATHS)) return "systemd";
  for (const path of OPENRC_PATHS) if (!(await isProgram([path]))) return "none";
  return "openrc";
}

async function digestOfAgent(volume: Ext4Image): Promise<string | undefined> {
  const agent = await firstFile(volume, [AGENT_PATH]);
  if (agent === undefined || agent.sizeBytes > MAX_AGENT_BYTES) return undefined;
  const hash = createHash("sha256");
  for await (const chunk of volume.read(agent)) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}

/** The first of these paths that leads to a file; links are followed as the guest would. */
async function firstFile(volume: Ext4Image, paths: readonly string[]): Promise<Ext4Stat | undefined> {
  for (const path of paths) {
    try {
      const found = await volume.find(path);
      if (found.type === "file") return found;
    } catch (error) {
      if (asBangerError(error).code !== "PATH_NOT_FOUND") throw error;
    }
  }
  return undefined;
}

async function readWhole(volume: Ext4Image, file: Ext4Stat, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of volume.read(file)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}
