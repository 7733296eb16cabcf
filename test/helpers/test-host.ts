import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BANGER = join(ROOT, "build", "bin", "banger");

/** What a command printed and how it ended. */
export interface CommandResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: Uint8Array | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Called with the running process, for tests that signal it. */
  readonly onStart?: (pid: number) => void;
  /** Called with what it prints on stderr, as it comes. */
  readonly onOutput?: (text: string, pid: number) => void;
}

/**
 * A user of banger with a home of their own: the built programs, real daemon, real VMs. Downloads and other caches are
 * shared with whoever runs the tests; everything else goes with the host.
 */
export class TestHost implements AsyncDisposable {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;

  /** Words before each command, as in `nsenter … --`: where, or as whom, it runs. */
  readonly #enter: readonly string[];

  private constructor(folder: string, env: Readonly<Record<string, string>>, enter: readonly string[]) {
    this.folder = folder;
    this.env = env;
    this.#enter = enter;
  }

  static async start(env: Readonly<Record<string, string>> = {}, enter: readonly string[] = []): Promise<TestHost> {
    const folder = await mkdtemp(join(tmpdir(), "bh-"));
    // Root's container builders would keep their images in one place for all hosts: containers-storage.conf(5).
    const containers = join(folder, "containers");
    const storage = join(containers, "storage.conf");
    await mkdir(containers);
    const lines = ["[storage]", 'driver = "vfs"', `runroot = "${containers}"`, `graphroot = "${containers}"`];
    await writeFile(storage, lines.map((line) => `${line}\n`).join(""));
    const base = {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin:/usr/sbin:/sbin",
      LANG: "C.UTF-8",
      HOME: folder,
      CONTAINERS_STORAGE_CONF: storage,
      XDG_RUNTIME_DIR: folder,
      XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
    };
    return new TestHost(folder, { ...base, ...env }, enter);
  }

  /** A host whose home lies deeper. */
  static async inHome(name: string, env: Readonly<Record<string, string>>): Promise<TestHost> {
    const { folder, env: base } = await TestHost.start(env);
    return new TestHost(folder, { ...base, HOME: join(folder, name) }, []);
  }

  /** A host in another network, or of another user: the home is theirs, and so are its caches. */
  static async startAs(uid: number, enter: readonly string[]): Promise<TestHost> {
    const host = await TestHost.start({}, enter);
    await chown(host.folder, uid, uid);
    return new TestHost(host.folder, { ...host.env, XDG_CACHE_HOME: join(host.folder, ".cache") }, enter);
  }

  /** Runs `banger` as a user would, and waits for its end. */
  async banger(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.run(BANGER, args, options);
  }

  /** Runs `banger`, and throws with all that it printed unless it succeeds. */
  async ok(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const result = await this.banger(args, options);
    if (result.code === 0) return result.stdout.toString("utf8");
    throw new Error(
      `banger ${args.join(" ")} ended with ${result.code ?? result.signal}\n${await this.#report(result)}`,
    );
  }

  /** Runs `banger … --json` and reads what it says. */
  async json<T>(args: readonly string[]): Promise<T> {
    return JSON.parse(await this.ok([...args, "--json"])) as T;
  }

  async run(file: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const [program = file, ...words] = [...this.#enter, file, ...args];
    const child = spawn(program, words, {
      env: { ...this.env, ...options.env },
      cwd: this.folder,
      stdio: ["pipe", "pipe", "pipe"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 300_000);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      stderr.push(chunk);
      options.onOutput?.(chunk.toString("utf8"), child.pid ?? 0);
    });
    child.stdin.on("error", () => {}); // A command may end without having read its input.
    child.stdin.end(options.input);
    if (child.pid !== undefined) options.onStart?.(child.pid);
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    clearTimeout(timer);
    return { code, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString("utf8") };
  }

  /** The running daemon's pid. */
  async daemonPid(): Promise<number> {
    const status = await this.json<{ pid: number }>(["daemon", "status"]);
    return status.pid;
  }

  /** Pids of processes that work for this host: their command line or environment names its folder. */
  async processes(): Promise<readonly number[]> {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
    const found: number[] = [];
    for (const pid of pids) {
      if (pid === process.pid) continue;
      const told = await Promise.all(
        [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`].map((path) => readFile(path, "latin1").catch(() => "")),
      );
      if (told.some((text) => text.includes(`${this.folder}/`) || text.includes(`HOME=${this.folder}\0`)))
        found.push(pid);
    }
    return found;
  }

  /** All files below a folder of this host, relative to it, sorted. */
  async files(...below: readonly string[]): Promise<readonly string[]> {
    const all = await readdir(join(this.folder, ...below), { recursive: true }).catch(() => []);
    return all.toSorted((a, b) => a.localeCompare(b));
  }

  async #report(result: CommandResult): Promise<string> {
    const log = await readFile(join(this.folder, ".local/state/banger/bangerd.log"), "utf8").catch(() => "(none)");
    return [
      `stdout: ${result.stdout.toString("utf8").slice(-4000)}`,
      `stderr: ${result.stderr.slice(-8000)}`,
      `daemon log: ${log.split("\n").slice(-30).join("\n")}`,
    ].join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.banger(["daemon", "stop"]).catch(() => {});
    // A test that failed may leave VMs; they must not outlive it.
    for (const pid of await this.processes()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
