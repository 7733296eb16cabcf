import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { TestHost } from "../../helpers/test-host.ts";

const LOOK_AGAIN_MS = 250;
const PATIENCE_MS = 180_000;
const CONFIG = `set -g status off
set -g remain-on-exit on
set -g default-terminal xterm-256color
set -s escape-time 0
`;

let terminals = 0;

/** A terminal window of this host's user, whose screen can be read: tmux(1) is one. */
export class HostTerminal implements AsyncDisposable {
  readonly #host: TestHost;
  readonly #name: string;

  private constructor(host: TestHost, name: string) {
    this.#host = host;
    this.#name = name;
  }

  /** Opens a window of 80 columns and 24 rows with this program in it. */
  static async open(host: TestHost, program: readonly string[]): Promise<HostTerminal> {
    terminals += 1;
    const terminal = new HostTerminal(host, `window-${terminals}`);
    const config = join(host.folder, "tmux.conf");
    await writeFile(config, CONFIG);
    const keepStatus = ["sh", "-c", '"$@"; echo $? >"$0"', terminal.#statusFile];
    await terminal.#tmux("-f", config, "new-session", "-d", "-x", "80", "-y", "24", "--", ...keepStatus, ...program);
    return terminal;
  }

  get #statusFile(): string {
    return join(this.#host.folder, `${this.#name}.status`);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** Presses keys by tmux's names: `C-c`, `Enter`. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  /** Types text, and Enter. */
  async type(text: string): Promise<void> {
    await this.#tmux("send-keys", "-l", text);
    await this.press("Enter");
  }

  /** Pastes as a terminal does: with brackets where the program asked for them. */
  async paste(text: string): Promise<void> {
    const file = join(this.#host.folder, "clipboard");
    await writeFile(file, text);
    await this.#tmux("load-buffer", file);
    await this.#tmux("paste-buffer", "-p");
  }

  /** The screen's rows, without the blanks at their ends. */
  async screen(): Promise<readonly string[]> {
    const shown = await this.#tmux("capture-pane", "-p");
    return shown
      .replace(/\n$/, "")
      .split("\n")
      .map((row) => row.trimEnd());
  }

  /** Waits until the program has ended. @returns its exit status. */
  async ended(): Promise<number> {
    for (const end = Date.now() + PATIENCE_MS; ; await setTimeout(LOOK_AGAIN_MS)) {
      const status = await readFile(this.#statusFile, "utf8").catch(() => "");
      if (status.endsWith("\n")) return Number(status);
      assert.ok(Date.now() < end, `the program goes on:\n${(await this.screen()).join("\n")}`);
    }
  }

  /** Waits until the screen shows this. */
  async shows(wanted: RegExp): Promise<RegExpExecArray> {
    for (const end = Date.now() + PATIENCE_MS; ; await setTimeout(LOOK_AGAIN_MS)) {
      const rows = (await this.screen()).join("\n");
      const found = wanted.exec(rows);
      if (found !== null) return found;
      assert.ok(Date.now() < end, `${wanted} is not on the screen:\n${rows}`);
    }
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    const socket = join(this.#host.folder, this.#name);
    const { code, stdout, stderr } = await this.#host.run("tmux", ["-u", "-S", socket, ...args]);
    if (code !== 0) throw new Error(`tmux ${args.join(" ")}: ${stderr}`);
    return stdout.toString("utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux("kill-server").catch(() => "");
  }
}
