import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Writable } from "node:stream";
import { signalChild } from "../../../lib/destroy.ts";
import { BangerError } from "../../../lib/errors.ts";
import { spawnConfined } from "../../../lib/launch.ts";
import type { TakeLayer } from "../../../oci/layers/unpack-layer.ts";
import type { RootfsJob, RootfsRequest } from "./rootfs-messages.ts";
import { errorOf, parseReply, type RootfsReply, type RootfsResult } from "./rootfs-replies.ts";

const STDERR_BYTES = 8 * 1024;
/**
 * An import makes objects by the million, of which few live long: V8 is told to collect them sooner than it would, and
 * malloc to keep no arena for each of V8's threads. 15 MB less at the peak, 40 with the largest images, for some percent of
 * CPU time.
 */
const NODE_OPTIONS = ["--disable-warning=ExperimentalWarning", "--optimize-for-size", "--max-semi-space-size=4"];
const MALLOC = { MALLOC_ARENA_MAX: "1" };

/** A root file system in the making, by a process of its own. Disposed of before its end, the process is killed. */
export class RootfsProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #input: Writable;
  readonly #signal: AbortSignal;
  /** Rejects, never resolves: with what the maker said, or that it ended. */
  readonly #failure = Promise.withResolvers<never>();
  readonly #closed: Promise<unknown>;
  #awaited = Promise.withResolvers<RootfsReply>();
  #stderr = "";

  /** @param program the maker's own file, or its bundle. */
  constructor(program: string, job: RootfsJob, signal: AbortSignal) {
    signal.throwIfAborted();
    const child = spawnConfined({
      program: process.execPath,
      args: [...NODE_OPTIONS, program],
      env: MALLOC,
      stdio: ["pipe", "ignore", "pipe", "ipc"],
      session: "ours",
    });
    const { stdin, stderr } = child;
    if (stdin === null || stderr === null) throw new Error("a process without the pipes that were asked for");
    this.#child = child;
    this.#input = stdin;
    this.#signal = signal;
    this.#closed = once(child, "close").then(() => this.#failure.reject(died(child, this.#stderr)));
    this.#failure.promise.catch(() => {});
    child.on("error", (error) => this.#failure.reject(error));
    child.on("message", (message) => this.#hear(message));
    stdin.on("error", () => {}); // Why it has gone is told by itself, or by its end.
    stderr.on("data", (chunk: Buffer) => (this.#stderr = (this.#stderr + chunk.toString()).slice(-STDERR_BYTES)));
    signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#tell({ kind: "job", job });
  }

  /** Hands a layer's bytes on; resolves when the maker has taken them, and found what they unpack to right. */
  readonly take: TakeLayer = async (_layer, _index, packed) => {
    const taken = this.#reply("taken");
    taken.catch(() => {});
    for await (const chunk of packed) {
      // Whether it goes well is not of interest: whoever does not read has said why, or ends.
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#input.write(chunk, () => resolve());
      await promise;
      if (this.#input.destroyed) break;
    }
    await taken;
  };

  /** To be called once all layers' digests have been checked. */
  async finish(): Promise<RootfsResult> {
    const done = this.#reply("done");
    this.#tell({ kind: "finish" });
    const reply = await done;
    await this.#closed;
    return reply.result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener("abort", this.#onAbort);
    if (this.#child.exitCode === null) signalChild(this.#child, "SIGKILL", "our own child, by its handle");
    await this.#closed;
  }

  readonly #onAbort = (): void => {
    this.#failure.reject(this.#signal.reason);
    signalChild(this.#child, "SIGKILL", "our own child, by its handle");
  };

  #tell(request: RootfsRequest): void {
    this.#child.send(request, (error) => error !== null && this.#failure.reject(error));
  }

  #hear(message: unknown): void {
    const reply = parseReply(message);
    const error = errorOf(reply);
    if (error !== undefined) this.#failure.reject(error);
    else this.#awaited.resolve(reply);
  }

  async #reply<K extends RootfsReply["kind"]>(kind: K): Promise<Extract<RootfsReply, { kind: K }>> {
    const reply = await Promise.race([this.#awaited.promise, this.#failure.promise]);
    this.#awaited = Promise.withResolvers();
    if (reply.kind !== kind) throw new Error(`the maker of a root file system says ${reply.kind}, not ${kind}`);
    return reply as Extract<RootfsReply, { kind: K }>;
  }
}

function died({ exitCode, signalCode }: ChildProcess, stderr: string): BangerError {
  const how = signalCode === null ? `exit status ${exitCode ?? "unknown"}` : `signal ${signalCode}`;
  return new BangerError("INTERNAL", {
    what: "the process that makes the root file system has ended",
    why: stderr === "" ? how : `${how}: ${stderr.trim()}`,
    fix: "see `banger daemon logs`, and whether the host is short of memory",
  });
}
