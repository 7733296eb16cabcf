import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../src/lib/process.ts";

const START_LIMIT_MS = 20_000;

export interface TestRegistryOptions {
  /** More of docker-registry's settings, by their names in the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Lets in nobody but `user` with the password `pass:word`. */
  readonly password?: boolean;
  /** Speaks https, with this certificate and key, in PEM. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** `user:pass:word` as htpasswd keeps it (bcrypt). */
const HTPASSWD = "user:$2b$04$Qlr2Yl3ppAyhKHVlQMzrOeiMVouKOwPR.dr3z0GJIVFEZbK7r7MaW\n";

/**
 * Debian's docker-registry on a free loopback port, its blobs in a temporary folder.
 *
 *     await using registry = await TestRegistry.start();
 *     await registry.push("oci:/images/a:latest", "test/a:1");
 */
export class TestRegistry implements AsyncDisposable {
  /** `127.0.0.1:PORT`, as it stands in references. */
  readonly host: string;
  readonly folder: string;
  readonly #child: ChildProcess;

  private constructor(host: string, folder: string, child: ChildProcess) {
    this.host = host;
    this.folder = folder;
    this.#child = child;
  }

  static async start(options: TestRegistryOptions = {}): Promise<TestRegistry> {
    const folder = await mkdtemp(join(tmpdir(), "banger-registry-"));
    const host = `127.0.0.1:${await freePort()}`;
    const config = join(folder, "config.yml");
    const htpasswd = join(folder, "htpasswd");
    await writeFile(htpasswd, HTPASSWD);
    const auth = options.password === true ? `auth: { htpasswd: { realm: test, path: ${htpasswd} } }\n` : "";
    const tls = options.tls === undefined ? "" : await tlsConfiguration(folder, options.tls);
    await writeFile(config, configuration(host, join(folder, "data"), tls) + auth);
    const child = spawn("docker-registry", ["serve", config], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { PATH: process.env["PATH"] ?? "", ...options.env },
    });
    try {
      await listening(child);
    } catch (error) {
      child.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    return new TestRegistry(host, folder, child);
  }

  /** A reference to an image in this registry. */
  ref(name: string): string {
    return `${this.host}/${name}`;
  }

  /** Copies an image from where skopeo finds it: `oci:FOLDER:TAG`, `docker-archive:FILE`. */
  async push(from: string, name: string, args: readonly string[] = []): Promise<string> {
    const to = `docker://${this.ref(name)}`;
    await run("skopeo", ["copy", "--insecure-policy", "--dest-tls-verify=false", ...args, from, to], {
      timeoutMs: 120_000,
    });
    return this.ref(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#child.once("exit", () => resolve());
      this.#child.kill("SIGKILL");
      await promise;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function tlsConfiguration(folder: string, { key, cert }: { key: string; cert: string }): Promise<string> {
  const [keyFile, certFile] = [join(folder, "tls.key"), join(folder, "tls.crt")];
  await writeFile(keyFile, key);
  await writeFile(certFile, cert);
  return `, tls: { key: ${JSON.stringify(keyFile)}, certificate: ${JSON.stringify(certFile)} }`;
}

function configuration(host: string, data: string, tls: string): string {
  return `version: 0.1
log: { level: info }
storage: { filesystem: { rootdirectory: ${JSON.stringify(data)} }, delete: { enabled: true } }
http: { addr: ${JSON.stringify(host)}${tls} }
`;
}

/** Resolves when the registry says that it listens; its log is in the error if it does not. */
async function listening(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let log = "";
  const timer = setTimeout(() => reject(new Error(`docker-registry does not listen:\n${log}`)), START_LIMIT_MS);
  child.once("error", reject);
  child.once("exit", (code) => reject(new Error(`docker-registry ended with ${code}:\n${log}`)));
  child.stderr?.on("data", (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-8192);
    if (log.includes("listening on")) resolve();
  });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() =>
      typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port")),
    );
  });
  return promise;
}
