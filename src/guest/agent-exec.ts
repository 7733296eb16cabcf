import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { constants } from "node:os";
import { PassThrough, type Readable, type Writable } from "node:stream";
import { BangerError } from "../lib/errors.ts";
import { agentError, guestText } from "./agent-errors.ts";
import { CreditedStdin } from "./credited-stdin.ts";
import {
  ExecRequestSchema,
  type AgentService,
  type ExecRejected,
  type ExecResponse,
} from "./gen/banger/agent/v1/agent_pb.ts";
import { messageQueue, type MessageQueue } from "./message-queue.ts";
import { signalNumber } from "./signal-number.ts";

/** A command for the agent. */
export interface ExecSpec {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Empty: the user's home. */
  readonly cwd: string;
  /** Name or number, with `:group` if need be; empty: root. */
  readonly user: string;
  readonly tty?: { readonly rows: number; readonly cols: number; readonly term: string };
}

export interface ExecExit {
  /** Exit status; 128 plus the signal's number where one ended it. */
  readonly code: number;
  /** Name of the signal that ended it. */
  readonly signal?: string;
}

/** A command that runs in a guest. */
export interface AgentExec {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  resize(rows: number, cols: number): void;
  /** Sends a signal, as image configs name them, to the command's process group. Unknown names do nothing. */
  kill(signal: string): void;
  /** Rejects with a BangerError when the agent is lost before the command ends. */
  readonly exit: Promise<ExecExit>;
}

type ExecRequestInit = MessageInitShape<typeof ExecRequestSchema>["message"];

/** What shells say of a command that cannot be run, and here of one whose guest says no status that there is. */
const CANNOT_RUN = 126;
const NO_STATUS = 255;

/**
 * Starts a command and resolves once it runs. Its signal's abort kills its process group.
 *
 * @throws BangerError `EXEC_FAILED` with `data.exitCode` as a shell would have it, `AGENT_UNREACHABLE`, `AGENT_PROTOCOL`.
 */
export async function startExec(
  client: Client<typeof AgentService>,
  spec: ExecSpec,
  signal: AbortSignal,
): Promise<AgentExec> {
  const own = new AbortController();
  const either = AbortSignal.any([signal, own.signal]);
  const requests = messageQueue<ReturnType<typeof request>>();
  const { tty } = spec;
  requests.push(
    request({
      case: "start",
      value: {
        argv: [...spec.argv],
        env: { ...spec.env },
        cwd: spec.cwd,
        user: spec.user,
        ...(tty && { tty: { size: { rows: tty.rows, cols: tty.cols }, term: tty.term } }),
      },
    }),
  );
  const responses = client.exec(requests, { signal: either })[Symbol.asyncIterator]();
  try {
    const first = await responses.next();
    const message = first.done === true ? undefined : first.value.message;
    if (message?.case === "rejected") throw rejected(spec, message.value);
    if (message?.case !== "started") throw protocolError("it did not say whether the command runs");
    const stdin = new CreditedStdin(
      message.value.stdinCredit,
      (piece) => requests.push(request({ case: "stdin", value: piece })),
      () => requests.push(request({ case: "stdinEnd", value: {} })),
    );
    return run(responses, requests, message.value.pid, stdin, own, signal);
  } catch (error) {
    own.abort();
    throw agentError(error, signal);
  }
}

function run(
  responses: AsyncIterator<ExecResponse>,
  requests: MessageQueue<ReturnType<typeof request>>,
  pid: number,
  stdin: CreditedStdin,
  own: AbortController,
  signal: AbortSignal,
): AgentExec {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const exit = (async (): Promise<ExecExit> => {
    try {
      const ended = await pump(responses, stdin, stdout, stderr);
      stdout.end();
      stderr.end();
      return ended;
    } catch (error) {
      const known = agentError(error, signal);
      stdout.destroy(known);
      stderr.destroy(known);
      throw known;
    } finally {
      requests.end();
      stdin.destroy();
      own.abort();
    }
  })();
  // Whoever reads the streams sees the same error; nobody need look at this promise.
  exit.catch(() => {});
  for (const stream of [stdout, stderr, stdin]) stream.on("error", () => {});
  return {
    pid,
    stdin,
    stdout,
    stderr,
    exit,
    resize: (rows, cols) => requests.push(request({ case: "resize", value: { rows, cols } })),
    kill(name) {
      const number = signalNumber(name);
      if (number !== 0) requests.push(request({ case: "signal", value: number }));
    },
  };
}

/** Hands output on, no faster than it is taken, until the exit. */
async function pump(
  responses: AsyncIterator<ExecResponse>,
  stdin: CreditedStdin,
  stdout: PassThrough,
  stderr: PassThrough,
): Promise<ExecExit> {
  for (;;) {
    const next = await responses.next();
    if (next.done === true) throw protocolError("it ended without an exit status");
    const { message } = next.value;
    switch (message.case) {
      case "stdout":
        await give(stdout, message.value);
        break;
      case "stderr":
        await give(stderr, message.value);
        break;
      case "stdinCredit":
        stdin.addCredit(message.value);
        break;
      case "exit": {
        const { code, signal } = message.value;
        const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];
        return { code: isStatus(code) ? code : NO_STATUS, ...(name !== undefined && { signal: name }) };
      }
      default:
        throw protocolError(`it sent ${message.case ?? "an empty message"} in the midst of a command`);
    }
  }
}

async function give(stream: PassThrough, bytes: Uint8Array): Promise<void> {
  if (stream.destroyed || stream.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const go = (): void => {
      stream.off("drain", go).off("close", go);
      resolve();
    };
    stream.on("drain", go).on("close", go);
  });
}

function request(message: NonNullable<ExecRequestInit>) {
  return create(ExecRequestSchema, { message });
}

/** What a guest says of a command that it could not start. */
export function rejected(spec: Pick<ExecSpec, "argv">, { message, exitCode }: ExecRejected): BangerError {
  return new BangerError("EXEC_FAILED", {
    what: `${spec.argv[0] ?? "the command"} could not be run`,
    why: guestText(message),
    fix: "check the command, the user and the folder it should run in",
    data: { exitCode: isStatus(exitCode) && exitCode !== 0 ? exitCode : CANNOT_RUN },
  });
}

/** What a process may end with (wait(2)). */
function isStatus(code: number): boolean {
  return code >= 0 && code <= 255;
}

function protocolError(why: string): BangerError {
  return new BangerError("AGENT_PROTOCOL", {
    what: "the VM's agent does not keep to the protocol",
    why,
    fix: "stop and start the VM; if it stays so, make its image anew",
  });
}
