import { StringDecoder } from "node:string_decoder";
import { pipeline } from "node:stream/promises";
import type { Readable } from "node:stream";
import type { AgentClient } from "../../guest/agent-client.ts";
import { BangerError } from "../../lib/errors.ts";
import type { OperationContext } from "../../lib/progress.ts";

/** Longest piece of output in one event of progress. */
const MAX_PIECE = 4096;
/** Lines of output that an error repeats. */
const TAIL_LINES = 20;

export interface GuestCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Default: `/`. */
  readonly cwd?: string;
  /** As in an image's config; default: root. */
  readonly user?: string;
  /** What it reads; default: nothing. */
  readonly stdin?: Readable;
  /** What it is called in messages; default: its first word. */
  readonly called?: string;
}

/**
 * Runs a command in a guest to its end. What it prints is told as progress, line by line as it comes. An abort ends it.
 *
 * @throws BangerError `BUILD_FAILED` with its last lines, where its status is not 0; `EXEC_FAILED` where it cannot be run.
 */
export async function runInGuest(
  agent: AgentClient,
  command: GuestCommand,
  { signal, progress }: OperationContext,
): Promise<void> {
  const { argv, env, cwd = "/", user = "", stdin } = command;
  const called = command.called ?? argv[0] ?? "a command";
  const exec = await agent.exec({ argv, env, cwd, user }, { signal });
  const printed = new PrintedLines((output) => progress({ id: "guest", label: called, status: "running", output }));
  const feed = stdin === undefined ? Promise.resolve(exec.stdin.end()) : pipeline(stdin, exec.stdin, { signal });
  // A command that ends before it has read everything has its own word on that.
  feed.catch(() => {});
  await Promise.all([printed.follow(exec.stdout), printed.follow(exec.stderr)]);
  const exit = await exec.exit;
  if (exit.code === 0) return void (await feed);
  const tail = printed.tail();
  throw new BangerError("BUILD_FAILED", {
    what: `${called} failed with ${exit.signal === undefined ? `status ${exit.code}` : exit.signal}`,
    ...(tail !== "" && { why: `its last lines:\n${tail}` }),
    fix: "mend it and build again; nothing was kept",
    data: { exitCode: exit.code },
  });
}

/** Parts the output of several streams into lines, so that none is torn in two, and remembers the last ones. */
class PrintedLines {
  readonly #tell: (output: string) => void;
  readonly #last: string[] = [];

  constructor(tell: (output: string) => void) {
    this.#tell = tell;
  }

  async follow(stream: Readable): Promise<void> {
    const decoder = new StringDecoder("utf8");
    let rest = "";
    for await (const chunk of stream) {
      rest += decoder.write(chunk as Buffer);
      const end = rest.lastIndexOf("\n") + 1;
      const whole = end === 0 && rest.length >= MAX_PIECE ? rest : rest.slice(0, end);
      rest = rest.slice(whole.length);
      this.#say(whole);
    }
    this.#say(rest + decoder.end());
  }

  tail(): string {
    return this.#last.join("\n");
  }

  #say(text: string): void {
    for (let at = 0; at < text.length; at += MAX_PIECE) this.#tell(text.slice(at, at + MAX_PIECE));
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    this.#last.push(...lines.slice(-TAIL_LINES).map((line) => line.slice(0, 500)));
    this.#last.splice(0, this.#last.length - TAIL_LINES);
  }
}
