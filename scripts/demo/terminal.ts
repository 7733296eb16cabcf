import { spawn } from "node:child_process";
import { once } from "node:events";

/** What a step must show, or the demo has failed. */
export interface Expected {
  readonly exit?: number;
  readonly output?: readonly RegExp[];
}

/** Types commands as a person would: shows each with its real output, and stops the demo when it is not as expected. */
export class DemoTerminal {
  readonly #env: NodeJS.ProcessEnv;
  readonly #programs: Readonly<Record<string, string>>;

  /** @param programs what a typed first word runs: `banger` → its path. */
  constructor(env: NodeJS.ProcessEnv, programs: Readonly<Record<string, string>>) {
    this.#env = env;
    this.#programs = programs;
  }

  say(text: string): void {
    console.log(`\n# ${text}`);
  }

  /** @throws Error if it exits or prints otherwise than expected. */
  async type(words: readonly [string, ...string[]], expected: Expected = {}): Promise<void> {
    const typed = words.map(quoted).join(" ");
    console.log(`\n$ ${typed}`);
    const [file, ...args] = words;
    // Progress goes to stderr, which stays the terminal's: bars are drawn as in a user's own.
    const child = spawn(this.#programs[file] ?? file, args, { env: this.#env, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      process.stdout.write(text);
    });
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    const wanted = expected.exit ?? 0;
    if (code !== wanted) throw new Error(`\`${typed}\` ended with ${code ?? signal}, not ${wanted}`);
    if (wanted !== 0) console.log(`[exit status ${code}]`);
    for (const pattern of expected.output ?? []) {
      if (!pattern.test(output)) throw new Error(`\`${typed}\` did not print ${pattern}`);
    }
  }
}

function quoted(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return word.includes('"') || word.includes("$") ? `'${word.replaceAll("'", `'\\''`)}'` : `"${word}"`;
}
