import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CACHE } from "./test-images.ts";

const exec = promisify(execFile);
const MAX_OUTPUT = 2 ** 27;

/**
 * A Debian archive on loopback with just the packages that an image lacks, so that a guest's own apt can be watched at
 * work without a far mirror. QEMU's user network has it at 10.0.2.2. The packages are taken by apt from this host's own
 * mirror the first time, and kept in the user's cache.
 */
export class TestAptRepository implements AsyncDisposable {
  readonly #server: Server;
  readonly #folder: string;
  /** Paths that were asked for. */
  readonly requests: string[] = [];
  port = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer((request, response) => {
      const path = decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname).replace(/^\/(?:\.\/)?/, "");
      this.requests.push(path);
      readFile(join(this.#folder, path.replaceAll("/", "_"))).then(
        (content) => response.end(content),
        () => response.writeHead(404).end(),
      );
    });
  }

  /**
   * @param layout folder of an OCI layout of Debian; what its dpkg has installed is not served again.
   */
  static async start(suite: string, layout: string, packages: readonly string[]): Promise<TestAptRepository> {
    const repository = new TestAptRepository(await packagesFor(suite, layout, packages));
    repository.#server.listen(0, "127.0.0.1");
    await once(repository.#server, "listening");
    repository.port = (repository.#server.address() as AddressInfo).port;
    return repository;
  }

  /** What /etc/apt/sources.list says of it in a guest. */
  get sources(): string {
    return `deb [trusted=yes] http://10.0.2.2:${this.port} ./\n`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await Promise.resolve();
  }
}

async function packagesFor(suite: string, layout: string, packages: readonly string[]): Promise<string> {
  const status = await dpkgStatus(layout);
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

/** What dpkg has installed in an image: the last layer that tells. */
async function dpkgStatus(layout: string): Promise<string> {
  const read = async (digest: string): Promise<Buffer> => readFile(join(layout, "blobs", digest.replace(":", "/")));
  const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as { manifests: { digest: string }[] };
  const manifest = JSON.parse((await read(index.manifests[0]?.digest ?? "")).toString()) as {
    layers: { digest: string }[];
  };
  for (const { digest } of manifest.layers.toReversed()) {
    const blob = join(layout, "blobs", digest.replace(":", "/"));
    const found = await exec("tar", ["-xOf", blob, "./var/lib/dpkg/status"], { maxBuffer: MAX_OUTPUT }).catch(
      () => undefined,
    );
    if (found !== undefined) return found.stdout;
  }
  throw new Error(`${layout} is no image of Debian: it has no /var/lib/dpkg/status`);
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
