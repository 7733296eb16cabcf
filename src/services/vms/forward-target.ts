import type { ForwardTarget } from "../../guest/agent-client.ts";
import { BangerError } from "../../lib/errors.ts";

/**
 * Reads what is to be reached in a guest: `ssh`, `tcp:HOST:PORT`, `unix:PATH`.
 *
 * @throws BangerError `BAD_REQUEST`.
 */
export function parseForwardTarget(text: string): ForwardTarget {
  if (text === "ssh") return { kind: "ssh" };
  if (text.startsWith("unix:/")) return { kind: "unix", path: text.slice("unix:".length) };
  const tcp = /^tcp:(.+):(\d+)$/.exec(text);
  const port = Number(tcp?.[2]);
  if (tcp?.[1] !== undefined && port >= 1 && port <= 65_535) return { kind: "tcp", host: tcp[1], port };
  throw new BangerError("BAD_REQUEST", {
    what: `"${text}" is nothing that can be reached in a VM`,
    fix: "write ssh, tcp:HOST:PORT or unix:/PATH",
  });
}
