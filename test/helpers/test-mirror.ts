import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createCleartextMessage, generateKey, sign, type PrivateKey } from "openpgp";
import { buildKernel, buildModule } from "./elf-builder.ts";

export interface TestSuite {
  readonly suite: string;
  /** Version of its kernel: `6.1.5-1` has the release `6.1.5-cloud-amd64`. No kernel at all where absent. */
  readonly version?: string;
  readonly origin?: string;
  readonly validUntil?: Date;
  readonly date?: Date;
  /** Who signs; the mirror's own key otherwise. */
  readonly key?: PrivateKey;
  readonly byHash?: boolean;
  /** The kernel's image, in place of a small one. */
  readonly image?: Buffer;
  /** Lies beside the modules. */
  readonly ballast?: Buffer;
}

/**
 * A Debian mirror on a loopback address: real packages by dpkg-deb, real indices, signed by a key of its own. Its files
 * can be changed under way, to see who notices.
 */
export class TestMirror implements AsyncDisposable {
  readonly url: string;
  /** The public key in a file, as debian-archive-keyring brings one. */
  readonly keyring: string;
  /** What it serves, by path. */
  readonly files = new Map<string, Buffer>();
  readonly requests: string[] = [];
  /** Paths at which the line breaks after some bytes. */
  readonly breaking = new Set<string>();
  readonly #server: Server;
  readonly #folder: string;
  readonly #key: PrivateKey;

  private constructor(server: Server, folder: string, key: PrivateKey) {
    this.#server = server;
    this.#folder = folder;
    this.#key = key;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/debian`;
    this.keyring = join(folder, "keyring.gpg");
  }

  static async start(): Promise<TestMirror> {
    const folder = await mkdtemp(join(tmpdir(), "banger-mirror-"));
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const key = await newArchiveKey();
    const mirror = new TestMirror(server, folder, key);
    await writeFile(mirror.keyring, key.toPublic().write());
    server.on("request", (request, response) => {
      const path = (request.url ?? "").replace(/^\/debian\//, "");
      mirror.requests.push(path);
      const content = mirror.files.get(path);
      if (content === undefined) {
        response.writeHead(404).end();
      } else if (mirror.breaking.has(path)) {
        response.writeHead(200, { "content-length": content.length });
        response.write(content.subarray(0, 100), () => setImmediate(() => response.destroy()));
      } else {
        response.end(content);
      }
    });
    return mirror;
  }

  /** Publishes a suite, or publishes it anew. Returns where its kernel package lies. */
  async publish(suite: TestSuite): Promise<string> {
    const { version } = suite;
    const stanzas: string[] = ["Package: bash\nVersion: 5.2\nFilename: pool/b.deb\nSize: 1\n"];
    let kernelPath = "";
    if (version !== undefined) {
      const release = `${version.split("-")[0]}-cloud-amd64`;
      const name = `linux-image-${release}`;
      kernelPath = `pool/main/l/linux/${name}_${version}_amd64.deb`;
      const deb = await this.#buildKernelPackage(name, version, release, suite);
      this.files.set(kernelPath, deb);
      stanzas.push(
        stanza(
          { Package: "linux-image-cloud-amd64", Version: version, Depends: `${name} (= ${version})` },
          "pool/m.deb",
          deb,
        ),
        stanza({ Package: name, Version: version }, kernelPath, deb),
      );
    }
    const index = execFileSync("xz", ["-c"], { input: stanzas.join("\n") });
    const dists = `dists/${suite.suite}`;
    const place = suite.byHash === true ? `by-hash/SHA256/${sha256(index)}` : "Packages.xz";
    this.files.set(`${dists}/main/binary-amd64/${place}`, index);
    const text = [
      `Origin: ${suite.origin ?? "Debian"}`,
      `Codename: ${suite.suite}`,
      `Date: ${(suite.date ?? new Date()).toUTCString()}`,
      ...(suite.validUntil === undefined ? [] : [`Valid-Until: ${suite.validUntil.toUTCString()}`]),
      ...(suite.byHash === true ? ["Acquire-By-Hash: yes"] : []),
      "SHA256:",
      ` ${sha256(index)} ${index.length} main/binary-amd64/Packages.xz`,
    ].join("\n");
    const message = await createCleartextMessage({ text });
    const signed = await sign({ message, signingKeys: suite.key ?? this.#key });
    this.files.set(`${dists}/InRelease`, Buffer.from(signed));
    return kernelPath;
  }

  /** Changes one byte of a file: at this text, or in the middle. */
  tamper(path: string, text?: string): void {
    const content = Buffer.from(this.files.get(path) ?? "");
    const at = text === undefined ? Math.floor(content.length / 2) : content.indexOf(text);
    content[at] = (content[at] ?? 0) ^ 1;
    this.files.set(path, content);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #buildKernelPackage(
    name: string,
    version: string,
    release: string,
    { image, ballast }: TestSuite,
  ): Promise<Buffer> {
    const tree = join(this.#folder, name);
    const modules = `lib/modules/${release}`;
    const vermagic = `${release} SMP `;
    const contents: Readonly<Record<string, string | Buffer>> = {
      "DEBIAN/control": `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nMaintainer: x <x@example.com>\nDescription: x\n`,
      [`boot/vmlinuz-${release}`]: image ?? buildKernel(release, { pvh: true }),
      ...(ballast !== undefined && { [`${modules}/ballast`]: ballast }),
      [`boot/config-${release}`]: "CONFIG_VIRTIO_BLK=m\nCONFIG_VIRTIO_CONSOLE=y\nCONFIG_EXT4_FS=y\n",
      [`${modules}/kernel/virtio_blk.ko`]: buildModule({ name: "virtio_blk", depends: "virtio", vermagic }),
      [`${modules}/kernel/virtio.ko`]: buildModule({ name: "virtio", vermagic }),
      [`${modules}/modules.builtin`]: "kernel/fs/ext4/ext4.ko\n",
    };
    for (const [path, content] of Object.entries(contents)) {
      await mkdir(join(tree, dirname(path)), { recursive: true });
      await writeFile(join(tree, path), content);
    }
    execFileSync("dpkg-deb", ["--root-owner-group", "-Zxz", "-z1", "-b", tree, `${tree}.deb`], { stdio: "ignore" });
    return await readFile(`${tree}.deb`);
  }
}

/** A key that signs archives, made a minute ago so that no clock finds it too young. */
export async function newArchiveKey(): Promise<PrivateKey> {
  const date = new Date(Date.now() - 60_000);
  return (await generateKey({ userIDs: [{ name: "test archive" }], format: "object", date })).privateKey;
}

function stanza(fields: Readonly<Record<string, string>>, filename: string, deb: Buffer): string {
  const all = { ...fields, Architecture: "amd64", Filename: filename, Size: String(deb.length), SHA256: sha256(deb) };
  return `${Object.entries(all)
    .map(([key, value]) => `${key}: ${value}`)
    .join("\n")}\n`;
}

function sha256(data: Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}
