import { badUsage } from "../parse/bad-usage.ts";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Client } from "../../client/client.ts";
import { BangerError, hasErrno } from "../../lib/errors.ts";
import type { ProgressSink } from "../../lib/progress.ts";
import type { Io } from "../io.ts";
import { type End, endText, type Found, planPlacing } from "./ends.ts";
import { packLocal, unpackLocal } from "./local-archive.ts";

export interface CopyOptions {
  readonly recursive: boolean;
  readonly follow: boolean;
  /** As whom it is done in VMs; empty: root. */
  readonly user: string;
  readonly owner?: string | undefined;
}

interface Copying extends CopyOptions {
  readonly client: Client;
  readonly io: Io;
  /** The agent's program, which packs and unpacks on this host. */
  readonly agent: string;
  /** Told of each piece: to be throttled. */
  readonly progress: ProgressSink;
  readonly signal: AbortSignal;
}

export interface Copied {
  readonly bytes: number;
  readonly entries?: number;
}

/** Copies between VMs and this host, or streams an archive. What is cut off leaves no half file under its name. */
export async function copy(source: End, target: End, with_: Copying): Promise<Copied> {
  if (source.kind !== "vm" && target.kind !== "vm") {
    throw badUsage("neither end is in a VM", "write one as VM:PATH");
  }
  const counted = (bytes: AsyncIterable<Uint8Array>, total?: number): AsyncIterable<Uint8Array> =>
    count(bytes, `copying ${endText(source)} to ${endText(target)}`, total, with_.progress);
  if (source.kind === "stream") return toVm(asVm(target), counted(stdinOf(with_.io)), undefined, with_);
  if (target.kind === "stream") return toStdout(asVm(source), counted, with_);
  const found = await findEnd(source, with_);
  if (found === undefined) {
    throw new BangerError("PATH_NOT_FOUND", { what: `there is no ${endText(source)}`, fix: "name what is there" });
  }
  if (found.isFolder && !with_.recursive) {
    throw badUsage(`${endText(source)} is a folder`, "copy it with all that is in it by -r");
  }
  const into = await findEnd(target, with_);
  const from = source.kind === "local" ? resolve(source.path) : source.path;
  const { folder, name } = planPlacing(from, target.path, into);
  const bytes = counted(archiveOf(source, name, with_), found.sizeBytes);
  if (target.kind === "local") return unpackLocal(with_.agent, resolve(folder), name, bytes);
  // What lies on this host has owners that mean nothing in a guest.
  const owner = source.kind === "local" ? (with_.user === "" ? "0:0" : with_.user) : undefined;
  return toVm({ ...target, path: folder }, bytes, owner, with_);
}

type VmEnd = Extract<End, { kind: "vm" }>;

function asVm(end: End): VmEnd {
  if (end.kind === "vm") return end;
  throw badUsage("a stream goes to a VM, or comes from one", "write the other end as VM:PATH");
}

function stdinOf({ stdin }: Io): AsyncIterable<Uint8Array> {
  if (stdin.isTTY === true) throw badUsage("there is no archive on stdin", "pipe one in, as in `tar -c site | …`");
  return stdin as AsyncIterable<Buffer>;
}

async function toVm(
  { ref, path }: VmEnd,
  bytes: AsyncIterable<Uint8Array>,
  ownerUnlessTold: string | undefined,
  { client, user, owner = ownerUnlessTold, signal }: Copying,
): Promise<Copied> {
  return client.upload("vmArchiveWrite", { ref, path, user, ...(owner !== undefined && { owner }) }, bytes, { signal });
}

async function toStdout(
  { ref, path }: VmEnd,
  counted: (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
  { client, user, follow, io, signal }: Copying,
): Promise<Copied> {
  if (io.stdout.isTTY === true)
    throw badUsage("an archive is nothing for a terminal", "send it to a file or into a pipe");
  let bytes = 0;
  for await (const chunk of counted(client.text("vmArchiveRead", { ref, path, user, follow }, { signal }))) {
    bytes += chunk.length;
    if (!io.stdout.write(chunk)) await once(io.stdout, "drain", { signal });
  }
  return { bytes };
}

/** An archive of what stands at an end, under this name. */
function archiveOf(end: Exclude<End, { kind: "stream" }>, name: string, with_: Copying): AsyncIterable<Uint8Array> {
  const { client, agent, user, follow, signal } = with_;
  if (end.kind === "local") return packLocal(agent, resolve(end.path), name, follow);
  return client.text("vmArchiveRead", { ref: end.ref, path: end.path, user, name, follow }, { signal });
}

async function findEnd(end: Exclude<End, { kind: "stream" }>, { client, user, signal }: Copying): Promise<Found> {
  if (end.kind === "local") return findLocal(end.path);
  try {
    const input = { ref: end.ref, path: end.path, user, follow: true };
    const { type, sizeBytes } = await client.call("vmFileStat", input, { signal });
    return { isFolder: type === "directory", ...(type === "file" && { sizeBytes }) };
  } catch (error) {
    if (error instanceof BangerError && error.code === "PATH_NOT_FOUND") return undefined;
    throw error;
  }
}

async function findLocal(path: string): Promise<Found> {
  try {
    const found = await stat(path);
    return { isFolder: found.isDirectory(), ...(found.isFile() && { sizeBytes: found.size }) };
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw new BangerError("FILE_UNREADABLE", {
      what: `${path} cannot be looked at`,
      ...(error instanceof Error && { why: error.message }),
      fix: "check its permissions, and those of the folders above it",
      cause: error,
    });
  }
}

async function* count(
  bytes: AsyncIterable<Uint8Array>,
  label: string,
  total: number | undefined,
  sink: ProgressSink,
): AsyncGenerator<Uint8Array> {
  const event = { id: "copy", label, unit: "bytes", ...(total !== undefined && { total }) } as const;
  let done = 0;
  for await (const chunk of bytes) {
    done += chunk.length;
    // Of an archive a little is headers.
    sink({ ...event, done: total === undefined ? done : Math.min(done, total), status: "running" });
    yield chunk;
  }
  sink({ ...event, done, status: "done" });
}
