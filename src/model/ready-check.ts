import { z } from "zod";

/** Most checks that one VM has. */
const MAX_CHECKS = 20;
const MAX_LENGTH = 1_000;
const MAX_PORT = 65_535;

/**
 * What tells that a VM is ready for its work: `port:PORT` when something listens there on the guest's own loopback address,
 * `cmd:COMMAND` when that, run by /bin/sh as the image runs commands, ends with status 0, `log:REGEX` when the command that
 * the VM keeps running has printed a line since the boot that matches (RE2).
 */
export const readyChecksSchema = z
  .array(
    z
      .string()
      .max(MAX_LENGTH)
      .regex(/^(?:port:\d{1,5}|(?:cmd|log):.+)$/s, "must be port:PORT, cmd:COMMAND or log:REGEX")
      .refine((text) => !text.startsWith("port:") || isPort(text.slice("port:".length)), "has no such port"),
  )
  .max(MAX_CHECKS);

export type ReadyCheck =
  | { readonly kind: "port"; readonly port: number }
  | { readonly kind: "cmd"; readonly command: string }
  | { readonly kind: "log"; readonly pattern: string };

/** @param text as the schema has it. */
export function readyCheck(text: string): ReadyCheck {
  const rest = text.slice("port:".length);
  if (text.startsWith("port:")) return { kind: "port", port: Number(rest) };
  const [kind, after] = [text.slice(0, "cmd:".length), text.slice("cmd:".length)];
  return kind === "log:" ? { kind: "log", pattern: after } : { kind: "cmd", command: after };
}

function isPort(digits: string): boolean {
  const port = Number(digits);
  return port >= 1 && port <= MAX_PORT;
}
