import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { BangerError } from "../lib/errors.ts";
import type { AgentInfo } from "./agent-info.ts";

/** Of a secret, of a challenge and of a nonce. */
export const SECRET_BYTES = 32;
/** Of an agent that can be told a secret. */
const ABILITY = "secret";
/** What each end signs besides the challenge and the nonce, so that neither can pass on what the other has shown. */
const HOST = "banger host";
const GUEST = "banger guest";

/** Who is asked to show the secret. */
export interface SecretHolder {
  /** Shows that this end knows the boot's secret, and returns what the other shows. */
  authenticate(
    request: { readonly nonce: Uint8Array; readonly proof: Uint8Array; readonly secret: Uint8Array },
    signal: AbortSignal,
  ): Promise<Uint8Array>;
}

/** What the host and the agent of one boot know of one another. */
export interface BootSecret {
  readonly value: Uint8Array;
  /** Whether this guest's agent has had it: then whoever cannot show it is somebody else. */
  readonly isKnown: boolean;
  /** Brings it to an agent that has none, over another line than the one it is asked for on. Absent: that one does. */
  readonly bring?: (signal: AbortSignal) => Promise<void>;
  /** Told when the agent has shown it. */
  noteKnown(): Promise<void>;
}

/**
 * Has both ends of a fresh connection show that they know the boot's secret. An agent of an older banger knows of none, and
 * is spoken with all the same, unless it did before.
 *
 * @throws BangerError `AGENT_PROTOCOL` when whoever answers is not this boot's agent.
 */
export async function authenticate(
  agent: SecretHolder,
  info: Pick<AgentInfo, "abilities" | "challenge" | "hasSecret">,
  secret: BootSecret,
  signal: AbortSignal,
): Promise<void> {
  if (!info.abilities.includes(ABILITY)) {
    if (secret.isKnown) throw stranger("it does not know of the boot's secret, which it did before");
    return;
  }
  if (info.challenge.length !== SECRET_BYTES) throw stranger("its challenge is none");
  if (!info.hasSecret && secret.bring !== undefined) await secret.bring(signal);
  else if (!info.hasSecret && secret.isKnown) throw stranger("it has lost the boot's secret");
  const nonce = randomBytes(SECRET_BYTES);
  const isHere = !info.hasSecret && secret.bring === undefined;
  const answer = await agent.authenticate(
    { nonce, proof: proof(secret, HOST, info.challenge, nonce), secret: isHere ? secret.value : new Uint8Array() },
    signal,
  );
  const expected = proof(secret, GUEST, info.challenge, nonce);
  if (answer.length !== expected.length || !timingSafeEqual(answer, expected)) {
    throw stranger("it does not know the boot's secret");
  }
  if (!secret.isKnown) await secret.noteKnown();
}

function proof({ value }: BootSecret, who: string, challenge: Uint8Array, nonce: Uint8Array): Buffer {
  return createHmac("sha256", value).update(who).update(challenge).update(nonce).digest();
}

function stranger(why: string): BangerError {
  return new BangerError("AGENT_PROTOCOL", {
    what: "what answers in the guest is not its agent",
    why,
    fix: "look at the guest's console with `banger vm logs`; stop and start the VM for a new agent",
  });
}
