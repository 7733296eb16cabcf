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
