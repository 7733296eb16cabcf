import type { vmSessionRoutes } from "../../../api/routes/vm-sessions.ts";
import type { Handlers, Request } from "../../../core/handlers.ts";
import { SEND_BYTES, type AgentSessions } from "../../../guest/agent-client.ts";
import { signalNumber } from "../../../guest/signal-number.ts";
import { BangerError } from "../../../lib/errors.ts";
import { planExec } from "../commands/exec-plan.ts";
import { askAgent } from "../guest/reach-agent.ts";
import type { VmContext } from "../vm-context.ts";
import { asciicast } from "./asciicast.ts";
import { serveAttach } from "./attach-socket.ts";

interface SessionInput {
  readonly ref: string;
  readonly name: string;
}

/** Answers what is asked of the sessions in running VMs, by their agents. The daemon keeps nothing of them. */
export function vmSessionHandlers(context: VmContext): Handlers<typeof vmSessionRoutes> {
  const ask = <T>(
    { ref }: { readonly ref: string },
    { signal }: Pick<Request, "signal">,
    work: (sessions: AgentSessions, within: AbortSignal) => Promise<T>,
  ): Promise<T> =>
    askAgent(context, ref, signal, "answer for its sessions", (agent, _running, within) =>
      work(agent.sessions, within),
    );
  /** The agent's end of what goes on for longer than a call: bounded by the request alone. */
  const open = ({ ref }: SessionInput, request: Request): Promise<AgentSessions> =>
    ask({ ref }, request, async (sessions) => sessions);
  const tell = async (
    input: SessionInput,
    request: Request,
    work: (sessions: AgentSessions, within: AbortSignal) => Promise<void>,
  ): Promise<Record<string, never>> => {
    await ask(input, request, work);
    return {};
  };
  return {
    vmSessionCreate: ({ ref, name = "", command, env, cwd, user, terminal, stdin }, { signal }) =>
      askAgent(context, ref, signal, "start the session", (agent, { vm }, within) => {
        const start = { argv: command, env, cwd, user, ...(terminal !== undefined && { tty: terminal }) };
        const plan = planExec(start, vm, context.store.images.get(vm.image.id).config);
        return agent.sessions.create({ ...plan, name, keepStdin: stdin }, within);
      }),
    vmSessionList: async (input, request) => [
      ...(await ask(input, request, (sessions, within) => sessions.list(within))),
    ],
    vmSessionInspect: (input, request) =>
      ask(input, request, (sessions, within) => sessions.inspect(input.name, within)),
    vmSessionWait: async (input, request) => (await open(input, request)).wait(input.name, request.signal),
    vmSessionAttach: (input, socket, request) =>
      serveAttach(socket, request.signal, ({ write, steal, size }, historyBytes, signal) =>
        ask(input, { signal }, (sessions, within) =>
          sessions.attach({ name: input.name, write, steal, size, historyBytes }, within),
        ),
      ),
    async *vmSessionLogs({ follow, since, stream, ...input }, request) {
      const sessions = await open(input, request);
      const sinceMs = since === undefined ? undefined : Date.parse(since);
      for await (const piece of sessions.log(input.name, { follow, sinceMs }, request.signal)) {
        if (piece.kind !== "size" && (stream === undefined || piece.kind === stream)) yield piece.bytes;
      }
    },
    async *vmSessionExport(input, request) {
      const sessions = await open(input, request);
      const session = await sessions.inspect(input.name, request.signal);
      yield* asciicast(session, sessions.log(input.name, { follow: false }, request.signal));
    },
    async vmSessionSend({ end, ...input }, body, request) {
      let sent = 0;
      const send = (data: Uint8Array, isEnd: boolean): Promise<void> =>
        ask(input, request, (sessions, within) => sessions.send(input.name, data, isEnd, within));
      for await (const chunk of body) {
        for (let at = 0; at < chunk.length; at += SEND_BYTES) {
          const piece = chunk.subarray(at, at + SEND_BYTES);
          await send(piece, false);
          sent += piece.length;
        }
      }
      if (end) await send(new Uint8Array(), true);
      return { bytes: sent };
    },
    vmSessionResize: ({ rows, cols, ...input }, request) =>
      tell(input, request, (sessions, within) => sessions.resize(input.name, { rows, cols }, within)),
    vmSessionSignal: ({ signal, ...input }, request) => {
      const number = signalNumber(signal);
      if (number === 0) throw noSuchSignal(signal);
      return tell(input, request, (sessions, within) => sessions.signal(input.name, number, within));
    },
    vmSessionKill: (input, request) => ask(input, request, (sessions, within) => sessions.end(input.name, within)),
    vmSessionDelete: ({ force, ...input }, request) =>
      tell(input, request, (sessions, within) => sessions.delete(input.name, force, within)),
  };
}

function noSuchSignal(signal: string): BangerError {
  return new BangerError("BAD_REQUEST", {
    what: `there is no signal ${signal}`,
    fix: "name one as in TERM, SIGHUP or 15",
  });
}
