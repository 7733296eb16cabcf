import { execFileSync } from "node:child_process";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { identity } from "../../../git/bring-branch.ts";
import type { HostGit } from "../../../git/host-git.ts";
import { readRepository, type Repository } from "../../../git/read-repository.ts";
import type { Workspace } from "../../../model/workspace.ts";
import type { GuestSide } from "../guest/guest-side.ts";
import { fetchWork, type FetchedWork } from "../home/fetch-work.ts";
import { makeHomeRepository } from "../home/home-repository.ts";
import { sendWorkTree, type SentWorkTree } from "../send/send-work-tree.ts";
import { localSide } from "./local-side.ts";

const GUEST_PATH = "/work/copy";

export interface SendOptions {
  readonly untracked?: boolean;
  readonly shallow?: boolean;
}

/** A user's repository, banger's own and a guest that is a folder: all a workspace has, without a VM. */
export class WorkScene implements AsyncDisposable {
  readonly folder: string;
  /** The user's work tree. */
  readonly top: string;
  /** The copy, as this host sees it. */
  readonly copy: string;
  readonly side: GuestSide;
  #home: HostGit | undefined;
  #sent: SentWorkTree | undefined;
  #works = 0;

  private constructor(folder: string) {
    this.folder = folder;
    this.top = join(folder, "host/project");
    this.copy = join(folder, "guest", GUEST_PATH);
    this.side = localSide(join(folder, "guest"));
  }

  static async make(): Promise<WorkScene> {
    const scene = new WorkScene(await realpath(await mkdtemp(join(tmpdir(), "workspaces-"))));
    await mkdir(scene.top, { recursive: true });
    await mkdir(join(scene.folder, "guest"));
    return scene;
  }

  /** Runs git in the user's work tree, as the user would. */
  git(...args: readonly string[]): string {
    return gitIn(this.top, args);
  }

  /** The same in the guest's copy. */
  guestGit(...args: readonly string[]): string {
    return gitIn(this.copy, args);
  }

  async write(path: string, content: string | Uint8Array, where = this.top): Promise<void> {
    await mkdir(dirname(join(where, path)), { recursive: true });
    await writeFile(join(where, path), content);
  }

  read(path: string, where = this.top): Promise<string> {
    return readFile(join(where, path), "utf8");
  }

  /** A repository with two files and a commit. */
  async begin(): Promise<void> {
    this.git("init", "-q", "-b", "main");
    await this.write("a", "one\ntwo\nthree\nfour\nfive\n");
    await this.write("sub/b", "b\n");
    this.git("add", ".");
    this.git("commit", "-q", "-m", "first");
  }

  repository(signal = AbortSignal.timeout(60_000), top = this.top): Promise<Repository> {
    return readRepository(top, signal);
  }

  async send({ untracked = false, shallow = false }: SendOptions = {}, top = this.top): Promise<SentWorkTree> {
    const signal = AbortSignal.timeout(120_000);
    const repository = await this.repository(signal, top);
    this.#home = await makeHomeRepository(await this.work(), repository, signal);
    const work = await this.work();
    this.#sent = await sendWorkTree(
      this.side,
      { repository, home: this.#home, work, path: GUEST_PATH, id: "ws-test", untracked, shallow },
      { signal, progress: () => {} },
    );
    return this.#sent;
  }

  get home(): HostGit {
    if (this.#home === undefined) throw new Error("nothing was sent yet");
    return this.#home;
  }

  /** The same, for who commits. */
  homeAs(): HostGit {
    return this.home.at({ env: identity({ settings: [] }) });
  }

  get workspace(): Pick<Workspace, "path" | "sparse" | "sent" | "pushed" | "pulled"> {
    if (this.#sent === undefined) throw new Error("nothing was sent yet");
    return { path: GUEST_PATH, sparse: this.#sent.sparse, sent: this.#sent.sent };
  }

  async fetch(
    options: { readonly committedOnly?: boolean; readonly maxFileBytes?: number; readonly side?: GuestSide } = {},
  ): Promise<FetchedWork> {
    const { side = this.side, committedOnly = false, maxFileBytes } = options;
    const work = await this.work();
    const request = { home: this.home, workspace: this.workspace, work, committedOnly, maxFileBytes };
    return fetchWork(side, request, { signal: AbortSignal.timeout(120_000), progress: () => {} });
  }

  /** A new folder of ours for what is in the making. */
  async work(): Promise<string> {
    this.#works += 1;
    const path = join(this.folder, `work${this.#works}`);
    await mkdir(path);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** git as a user runs it, with an identity and a time that stay the same. */
export function gitIn(cwd: string, args: readonly string[]): string {
  const who = { NAME: "Ada", EMAIL: "ada@example.org", DATE: "2026-01-02T03:04:05Z" };
  const env = Object.entries(who).flatMap(([key, value]) => [
    [`GIT_AUTHOR_${key}`, value],
    [`GIT_COMMITTER_${key}`, value],
  ]);
  return execFileSync("git", ["-c", "protocol.file.allow=always", ...args], {
    cwd,
    encoding: "latin1",
    env: { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1", ...Object.fromEntries(env) },
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 64 * 1024 ** 2,
  });
}

/**
 * A digest of every file of a folder: names, contents, modes and times. Of objects and shared indexes the times do not count:
 * git marks those as of now that it comes upon again.
 */
export async function digestOf(folder: string): Promise<string> {
  const hash = createHash("sha256");
  const look = (at: Buffer): void => {
    for (const name of readdirSync(at, { encoding: "buffer" }).toSorted((a, b) => Buffer.compare(a, b))) {
      const path = Buffer.concat([at, Buffer.from("/"), name]);
      const stats = lstatSync(path, { bigint: true });
      const time = /\/objects\/|\/sharedindex\./.test(path.toString("latin1")) ? "" : stats.mtimeNs;
      hash.update(path).update(` ${stats.mode} ${stats.ino} ${time}\n`);
      if (stats.isDirectory()) look(path);
      else if (stats.isFile()) hash.update(readFileSync(path));
    }
  };
  look(Buffer.from(folder));
  return hash.digest("hex");
}
