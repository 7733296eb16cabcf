import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { fileOfLayout } from "./file-of-layout.ts";
import { FolderServer } from "./folder-server.ts";
import { CACHE } from "./test-images.ts";

const exec = promisify(execFile);
const MAX_OUTPUT = 2 ** 27;

/**
 * A Debian archive on loopback with just the packages that an image lacks, so that a guest's own apt can be watched at
 * work without a far mirror. The packages are taken by apt from this host's own mirror the first time, and kept in the
 * user's cache.
 */
export class TestAptRepository implements AsyncDisposable {
  readonly #server: FolderServer;

  private constructor(server: FolderServer) {
    this.#server = server;
  }

  /**
   * @param layout folder of an OCI layout of Debian; what its dpkg has installed is not served again.
   */
  static async start(suite: string, layout: string, packages: readonly string[]): Promise<TestAptRepository> {
    return new TestAptRepository(await FolderServer.start(await lackingPackages(suite, layout, packages)));
  }

  /** Paths that were asked for. */
  get requests(): readonly string[] {
    return this.#server.requests;
  }

  /** What /etc/apt/sources.list says of it in a guest. */
  get sources(): string {
    return `deb [trusted=yes] http://10.0.2.2:${this.#server.port} ./\n`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }
}

/** A folder of those packages, and of those that they depend on, that an image of Debian lacks, with their index. */
export async function lackingPackages(suite: string, layout: string, packages: readonly string[]): Promise<string> {
  const status = await fileOfLayout(layout, "var/lib/dpkg/status");
  const key = createHash("sha256")
    .update([suite, ...packages, "1", ""].join("\n"))
    .update(status)
    .digest("hex");
  const kept = join(CACHE, "apt", key.slice(0, 16));
  if (await stat(kept).catch(() => undefined)) return kept;
  const work = await mkdtemp(join(tmpdir(), "bh-apt-"));
  try {
    await download(work, suite, status, packages);
    await mkdir(join(CACHE, "apt"), { recursive: true });
    const made = await mkdtemp(join(CACHE, "apt", ".making-"));
    await exec("cp", ["-r", `${work}/repository/.`, made]);
    // Another run may have been quicker: then its packages are the ones.
    await rename(made, kept).catch(() => rm(made, { recursive: true, force: true }));
    return kept;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function download(work: string, suite: string, status: string, packages: readonly string[]): Promise<void> {
  for (const dir of ["lists/partial", "cache/archives/partial", "repository"])
    await mkdir(join(work, dir), { recursive: true });
  await writeFile(join(work, "status"), status);
  await writeFile(join(work, "sources.list"), `deb ${await hostMirror(suite)} ${suite} main\n`);
  const options = Object.entries({
    "Dir::State::lists": join(work, "lists"),
    "Dir::State::status": join(work, "status"),
    "Dir::Cache": join(work, "cache"),
    "Dir::Etc::sourcelist": join(work, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "APT::Architecture": "amd64",
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
  }).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const apt = (...args: readonly string[]) =>
    exec("apt-get", [...options, "--quiet", ...args], { maxBuffer: MAX_OUTPUT });
  await apt("update");
  await apt("install", "--yes", "--download-only", "--no-install-recommends", ...packages);
  const archives = join(work, "cache/archives");
  const stanzas: string[] = [];
  for (const name of (await readdir(archives)).filter((file) => file.endsWith(".deb")).toSorted()) {
    const content = await readFile(join(archives, name));
    const { stdout: control } = await exec("dpkg-deb", ["-f", join(archives, name)]);
    const sha256 = createHash("sha256").update(content).digest("hex");
    stanzas.push(`${control.trim()}\nFilename: ./${name}\nSize: ${content.length}\nSHA256: ${sha256}\n`);
    await writeFile(join(work, "repository", name), content);
  }
  const index = stanzas.join("\n");
  const sum = createHash("sha256").update(index).digest("hex");
  await writeFile(join(work, "repository/Packages"), index);
  const release = `Suite: ${suite}\nDate: ${new Date().toUTCString()}\nSHA256:\n ${sum} ${index.length} Packages\n`;
  await writeFile(join(work, "repository/Release"), release);
}

/** Where this host's own apt takes a suite from, as scripts/make-debian-image.sh has it. */
async function hostMirror(suite: string): Promise<string> {
  const told = process.env["DEBIAN_MIRROR"];
  if (told !== undefined) return told;
  const args = ["indextargets", "--format", "$(REPO_URI)", `Codename: ${suite}`];
  const { stdout } = await exec("apt-get", args).catch(() => ({ stdout: "" }));
  return (
    stdout
      .split("\n")
      .toSorted()
      .find((line) => line !== "") ?? "http://deb.debian.org/debian"
  );
}
