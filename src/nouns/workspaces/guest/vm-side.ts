import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import type { AgentExec } from "../../../guest/agent-client.ts";
import { BangerError } from "../../../lib/errors.ts";
import { askAgent, planExec, type VmContext } from "../../vms/index.ts";
import { guestGitFailed } from "./guest-errors.ts";
import { MAX_ANSWER, MAX_SAID, type GuestSide, type SideCommand } from "./guest-side.ts";

/** A VM's guest, by its agent, as this user of its: empty is root. */
export function vmSide(context: VmContext, vmId: string, user: string): GuestSide {
  const start = (command: SideCommand, signal: AbortSignal): Promise<AgentExec> =>
    askAgent(context, vmId, signal, "start git", async (agent, { vm }) => {
      const { argv, cwd, env = {} } = command;
      const { config } = context.store.images.get(vm.image.id);
      const planned = planExec(
        { argv: [...argv], cwd, env: { LC_ALL: "C", ...env }, user: user === "" ? "0" : user },
        vm,
        config,
      );
      return agent.exec(planned, { signal });
    });
  const owner = user === "" ? "0:0" : user;
  const files = <T>(
    signal: AbortSignal,
    work: (agent: Parameters<Parameters<typeof askAgent>[4]>[0]["files"], within: AbortSignal) => Promise<T>,
  ): Promise<T> =>
    askAgent(context, vmId, signal, "answer for its files", (agent, _running, within) => work(agent.files, within));
  /** Of root's: the folder above may be nobody else's. */
  const place = (path: string): { readonly path: string; readonly user: string } => ({ path, user: "" });
  return {
    async run(command, signal) {
      const exec = await start(command, signal);
      const fed = feed(exec, command.input, signal);
      const [stdout, said] = await Promise.all([bounded(exec.stdout, command), lastWords(exec.stderr)]);
      const { code } = await exec.exit;
      await fed;
      return { status: code, stdout, said };
    },
    async *stream(command, signal) {
      const own = new AbortController();
      const exec = await start(command, AbortSignal.any([signal, own.signal]));
      try {
        const fed = feed(exec, command.input, signal);
        const said = lastWords(exec.stderr);
        yield* exec.stdout as AsyncIterable<Buffer>;
        const { code } = await exec.exit;
        await fed;
        if (code !== 0) throw guestGitFailed(command, code, await said);
      } finally {
        own.abort();
      }
    },
    async makeFolder(path, signal) {
      const above = path.slice(0, path.lastIndexOf("/"));
      if (above !== "") {
        await files(signal, (f, within) => f.makeFolder(place(above), { parents: true, owner: "" }, within));
      }
      await files(signal, (f, within) => f.makeFolder(place(path), { parents: false, mode: 0o755, owner }, within));
    },
    async unpack(folder, archive, signal) {
      const what = { kind: "archive", keep: false } as const;
      const under = await files(signal, (f) => f.store(place(folder), { what, owner, parents: false }, signal));
      await under.send(archive);
    },
    move: (from, to, signal) => files(signal, (f, within) => f.move(place(from), to, false, within)),
    async remove(path, signal) {
      try {
        await files(signal, (f, within) => f.remove(place(path), true, within));
      } catch (error) {
        if (!(error instanceof BangerError) || error.code !== "PATH_NOT_FOUND") throw error;
      }
    },
    async exists(path, signal) {
      try {
        await files(signal, (f, within) => f.stat(place(path), { follow: false, attributes: false }, within));
        return true;
      } catch (error) {
        if (error instanceof BangerError && error.code === "PATH_NOT_FOUND") return false;
        throw error;
      }
    },
  };
}

async function feed(exec: AgentExec, input: SideCommand["input"], signal: AbortSignal): Promise<void> {
  if (input === undefined) return void exec.stdin.end();
  try {
    await pipeline(Readable.from(input instanceof Uint8Array ? [input] : input), exec.stdin, { signal });
  } catch (error) {
    // One that ends before it has read all has its own word on that.
    if (error instanceof BangerError || signal.aborted) throw error;
  }
}

async function bounded(stream: Readable, command: SideCommand): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER) throw guestGitFailed(command, 0, `it printed more than ${MAX_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function lastWords(stream: Readable): Promise<string> {
  let said = "";
  for await (const chunk of stream as AsyncIterable<Buffer>) said = `${said}${chunk.toString("utf8")}`.slice(-MAX_SAID);
  return said.trim();
}
