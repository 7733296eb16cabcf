import type { ForwardTarget } from "../../../guest/agent-client.ts";
import { BangerError } from "../../../lib/errors.ts";

/**
 * Reads what is to be reached in a guest: `ssh`, `tcp:HOST:PORT`, `unix:PATH`, `vsock:PORT`.
 *
 * @throws BangerError `BAD_REQUEST`.
 */
export function parseForwardTarget(text: string): ForwardTarget {
  if (text === "ssh") return { kind: "ssh" };
  if (text.startsWith("unix:/")) return { kind: "unix", path: text.slice("unix:".length) };
  const tcp = /^tcp:(.+):(\d+)$/.exec(text);
  const port = Number(tcp?.[2]);
  if (tcp?.[1] !== undefined && port >= 1 && port <= 65_535) return { kind: "tcp", host: tcp[1], port };
  const vsock = /^vsock:(\d+)$/.exec(text);
  const vsockPort = Number(vsock?.[1]);
  if (vsock !== null && vsockPort >= 1 && vsockPort <= 0xffff_ffff) return { kind: "vsock", port: vsockPort };
  throw new BangerError("BAD_REQUEST", {
    what: `"${text}" is nothing that can be reached in a VM`,
    fix: "write ssh, tcp:HOST:PORT, vsock:PORT or unix:/PATH",
  });
}
