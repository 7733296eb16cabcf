import { BangerError } from "../lib/errors.ts";

/** Far more than such a key and its comment have. */
const MAX_HOST_KEY = 1024;

/** What an agent says of itself. */
export interface AgentInfo {
  readonly version: string;
  readonly abilities: readonly string[];
  readonly bootId: string;
  readonly kernelRelease: string;
  /** Whether it has been told who the guest is since it started; it says so only to whom it obeys. */
  readonly configured: boolean;
  /** Of the agent's SSH server, as in `authorized_keys`: `ssh-ed25519 AAAA…`. */
  readonly sshHostKey: string;
  /** Of this connection: what is to be shown against. Empty with an older agent. */
  readonly challenge: Uint8Array;
  readonly hasSecret: boolean;
}

/**
 * The agent's SSH host key becomes a line of a known_hosts file, so it must be one key and nothing else.
 *
 * @throws BangerError `AGENT_PROTOCOL` for what is none.
 */
export function checkHostKey(key: string): string {
  const trimmed = key.trim();
  const isKey = trimmed.length <= MAX_HOST_KEY && /^ssh-ed25519 [A-Za-z0-9+/]+={0,2}(?: [\w.@-]*)?$/.test(trimmed);
  if (isKey) return trimmed;
  throw new BangerError("AGENT_PROTOCOL", {
    what: "the agent's SSH host key is none",
    fix: "stop and start the VM",
  });
}
