import { setTimeout as after } from "node:timers/promises";
import { createClient } from "../client/client.ts";
import { asBangerError } from "../lib/errors.ts";
import { recordedSocket } from "../lib/holder-record.ts";
import { layoutFrom } from "../model/layout.ts";
import type { Cli, Command } from "./command.ts";
import type { Io } from "./io.ts";
import { inWordsOfOptions } from "./output/option-words.ts";
import { plainJson, plainText } from "./output/plain-text.ts";
import { bangerdProgram } from "./programs.ts";

/** A daemon that has answered nothing for so long is looked at. */
const SILENCE_MS = 2_000;

/** What a command line says to whatever command it calls. */
type Asked = Pick<Cli, "json" | "detach">;

/** @param called the command that it works for. */
export function createCli(io: Io, commands: readonly Command[], { json, detach }: Asked, called?: Command): Cli {
  const layout = layoutFrom(io.env);
  const socketPath = recordedSocket(layout.lockFile) ?? layout.socket;
  const watch = async (signal: AbortSignal): Promise<never> => {
    await after(SILENCE_MS, undefined, { signal });
    const { untilFrozen } = await import("../client/daemon-holder.ts");
    return untilFrozen(layout, signal);
  };
  return {
    commands,
    io,
    layout,
    client: createClient({
      socketPath,
      async startDaemon(signal) {
        const { startDaemon } = await import("../client/start-daemon.ts");
        return startDaemon(layout, bangerdProgram(io.env), signal);
      },
      async awaitDaemon(signal) {
        const { awaitDaemon } = await import("../client/daemon-holder.ts");
        return awaitDaemon(layout, signal);
      },
      watch,
    }),
    shyClient: createClient({ socketPath, watch }),
    json,
    detach,
    print: (line) => void io.stdout.write(`${plainText(line)}\n`),
    printJson: (value) => void io.stdout.write(`${plainJson(value, 2)}\n`),
    note(line) {
      if (!json) io.stderr.write(`${plainText(line)}\n`);
    },
    explain: (error) => inWordsOfOptions(asBangerError(error), called, commands),
  };
}
