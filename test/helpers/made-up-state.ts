import { createHash, randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { mkdir, open, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { findData } from "../../src/formats/find-data.ts";
import { newId } from "../../src/lib/ids.ts";
import { layoutFrom, type Layout } from "../../src/model/layout.ts";

/** The schema of the banger before states had an instance. */
const FORMER_SCHEMA = `
  CREATE TABLE kernels (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, document TEXT NOT NULL) STRICT;
  CREATE TABLE images  (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, document TEXT NOT NULL) STRICT;
  CREATE TABLE vms     (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, document TEXT NOT NULL) STRICT;
  CREATE TABLE intents (id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, startedAt TEXT NOT NULL) STRICT;
  CREATE TABLE catalogs (url TEXT NOT NULL, key TEXT NOT NULL, serial INTEGER NOT NULL, sha256 TEXT NOT NULL,
                         PRIMARY KEY (url, key)) STRICT;
  PRAGMA user_version = 2;`;

/** Files that banger writes beside a user's, and may write anew. */
const OF_BANGER = /^(?:(?:vm|image|kernel)\.json|instance-id|daemon\.lock.*|\..*\.tmp)$/;

const SMALL_BYTES = 2 ** 20;

export interface MadeUpState {
  readonly layout: Layout;
  readonly kernelId: string;
  readonly imageId: string;
  readonly vmIds: readonly [string, string];
  /** Path and sha256 of every file that is a user's. */
  hashes(): Promise<ReadonlyMap<string, string>>;
}

/**
 * Gives a home a state as the banger before wrote it: a kernel, an image with a layer of last week, and two VMs that are off.
 * Their files hold random bytes: nothing ever boots.
 */
export async function madeUpState(env: Readonly<Record<string, string>>): Promise<MadeUpState> {
  const layout = layoutFrom(env);
  const [kernelId, imageId] = [newId("krn"), newId("img")];
  const vmIds = [newId("vm"), newId("vm")] as const;
  const createdAt = new Date(Date.now() - 86_400_000).toISOString();
  const digest = createHash("sha256").update(imageId).digest("hex");
  const write = async (path: string): Promise<void> => {
    await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
    await writeFile(path, randomBytes(20_000), { mode: 0o600 });
  };
  const rootfs = join(layout.imagesDir, imageId, "rootfs.ext4");
  const blob = join(layout.blobsDir, "sha256", digest);
  for (const path of [rootfs, blob, join(layout.kernelsDir, kernelId, "vmlinuz")]) await write(path);
  const lastWeek = new Date(Date.now() - 7 * 86_400_000);
  await utimes(blob, lastWeek, lastWeek);
  for (const id of vmIds) for (const name of ["root", "work"]) await write(join(layout.vmsDir, id, name));

  mkdirSync(layout.stateDir, { recursive: true, mode: 0o700 });
  using database = new DatabaseSync(layout.database);
  database.exec(FORMER_SCHEMA);
  const insert = (table: string, object: { readonly id: string; readonly name: string }): void => {
    database.prepare(`INSERT INTO ${table} VALUES (?, ?, ?)`).run(object.id, object.name, JSON.stringify(object));
  };
  insert("kernels", kernelRow(kernelId, createdAt));
  insert("images", imageRow({ id: imageId, createdAt, rootfs, digest: `sha256:${digest}` }));
  for (const [number, id] of vmIds.entries())
    insert("vms", vmRow({ id, number, createdAt, imageId, kernelId, layout }));
  return { layout, kernelId, imageId, vmIds, hashes: () => hashTree(layout.dataDir) };
}

function kernelRow(id: string, createdAt: string) {
  return {
    id,
    name: "k",
    createdAt,
    arch: "amd64",
    release: "6.12.0",
    source: { kind: "import", vmlinux: "/k" },
    files: { image: { path: "vmlinuz", format: "bzImage" } },
    abilities: { pvh: true, virtioMmioCmdline: true },
    sizeBytes: 20_000,
  };
}

interface ImageOf {
  readonly id: string;
  readonly createdAt: string;
  readonly rootfs: string;
  readonly digest: string;
}

function imageRow({ id, createdAt, rootfs, digest }: ImageOf) {
  return {
    id,
    name: "debian",
    createdAt,
    origin: "pull",
    managed: true,
    reference: "debian:bookworm",
    platform: { os: "linux", architecture: "amd64" },
    size: 20_480,
    rootfs: { path: rootfs, sizeBytes: 20_000, usedBytes: 20_000, uuid: "00000000-0000-4000-8000-000000000000" },
    files: [],
    kernel: "k",
    config: {
      env: [],
      user: "",
      workingDir: "",
      entrypoint: [],
      cmd: [],
      exposedPorts: [],
      volumes: [],
      labels: {},
    },
    layers: [{ digest, diffId: digest, mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", sizeBytes: 20_000 }],
    history: [],
    system: { init: "systemd" },
    agentDigest: `sha256:${"0".repeat(64)}`,
  };
}

interface VmOf {
  readonly id: string;
  readonly number: number;
  readonly createdAt: string;
  readonly imageId: string;
  readonly kernelId: string;
  readonly layout: Layout;
}

function vmRow({ id, number, createdAt, imageId, kernelId, layout }: VmOf) {
  const disk = (name: "root" | "work", device: string) => ({
    id: name,
    path: join(layout.vmsDir, id, name),
    format: "raw",
    strategy: "sparse-copy",
    sizeBytes: 20_000,
    device,
  });
  return {
    id,
    name: `box-${number}`,
    createdAt,
    state: "stopped",
    image: { id: imageId, name: "debian" },
    kernel: { id: kernelId, name: "k" },
    spec: { vcpus: 1, memoryBytes: 2 ** 28, nat: false, env: {}, init: "auto" },
    machineId: "0".repeat(32),
    disks: [disk("root", "/dev/vda"), disk("work", "/dev/vdb")],
    network: { mode: "none" },
    timings: { stages: {} },
  };
}

/** Path and sha256 of all files below a folder but those that banger keeps for itself. */
export async function hashTree(folder: string): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>();
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of names) {
    if (!entry.isFile() || OF_BANGER.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    hashes.set(relative(folder, path), await hashFile(path));
  }
  return hashes;
}

/** Of what is in a file; disks are mostly holes. */
async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const { size } = await stat(path);
  if (size <= SMALL_BYTES) return hash.update(await readFile(path)).digest("hex");
  const parts = await findData(path, AbortSignal.timeout(60_000));
  await using file = await open(path, "r");
  for (let i = 0; i < parts.length; i += 2) {
    const [start = 0, length = 0] = [parts[i], parts[i + 1]];
    hash.update(`${start} ${length}\n`);
    for (let at = start; at < start + length; at += SMALL_BYTES) {
      const wanted = Math.min(SMALL_BYTES, start + length - at);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, at);
      hash.update(buffer.subarray(0, bytesRead));
    }
  }
  return hash.update(`${size}`).digest("hex");
}

/** Whether somebody but its owner may do anything with a file. */
export async function isPrivate(path: string): Promise<boolean> {
  return ((await stat(path)).mode & 0o077) === 0;
}
