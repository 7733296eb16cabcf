import headless from "@xterm/headless";
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { EventEmitter, once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { withDeadline } from "../../src/lib/deadline.ts";

const SIZE = { rows: 20, cols: 70 };

/** Somebody at a terminal of 70 by 20: what a program shows there, and what is typed to it. By script(1), which makes the terminal. */
export class TerminalUser implements AsyncDisposable {
  readonly #script: ChildProcessByStdio<Writable, Readable, null>;
  readonly #terminal = new headless.Terminal({ ...SIZE, scrollback: 0, allowProposedApi: true });
  readonly #drawn = new EventEmitter();
  readonly #ended: Promise<unknown>;

  /** @param command for a shell. */
  constructor(command: string, env: NodeJS.ProcessEnv) {
    const { rows, cols } = SIZE;
    const line = `stty rows ${rows} cols ${cols} && echo "pid=$$" && exec ${command}`;
    this.#script = spawn("script", ["-qfec", line, "/dev/null"], {
      env: { ...env, SHELL: "/bin/sh", TERM: "xterm" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#script.stdin.on("error", () => {});
    this.#script.stdout.on("data", (chunk: Buffer) => {
      this.#terminal.write(chunk, () => this.#drawn.emit("drawn"));
    });
    this.#ended = once(this.#script, "close");
  }

  type(keys: string): void {
    this.#script.stdin.write(keys);
  }

  get lines(): readonly string[] {
    const { active } = this.#terminal.buffer;
    return Array.from({ length: SIZE.rows }, (_, y) => active.getLine(y)?.translateToString(true) ?? "");
  }

  /** Waits until the screen has this. */
  async sees(wanted: RegExp, timeoutMs = 60_000): Promise<RegExpExecArray> {
    const look = (): RegExpExecArray | null => wanted.exec(this.lines.join("\n"));
    try {
      return await withDeadline(new AbortController().signal, timeoutMs, `${wanted}`, async (signal) => {
        for (let found = look(); ; found = look()) {
          if (found !== null) return found;
          await once(this.#drawn, "drawn", { signal });
        }
      });
    } catch (cause) {
      throw new Error(`${wanted} was never seen on\n${this.lines.join("\n")}`, { cause });
    }
  }

  /** Waits until the program has ended. */
  async ended(): Promise<number | null> {
    await this.#ended;
    return this.#script.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#script.kill("SIGKILL");
    await this.#ended;
    this.#terminal.dispose();
  }
}
