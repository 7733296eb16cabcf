import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { connectAgent } from "../../../guest/agent-client.ts";
import { SECRET_BYTES, type BootSecret } from "../../../guest/agent-secret.ts";
import { dialVirtioSerial } from "../../../guest/dial.ts";
import { writeFileAtomicSync } from "../../../lib/files.ts";
import { hasErrno } from "../../../lib/errors.ts";
import type { AgentLine, MachineRecord } from "../../../model/vm.ts";

/** Beside the console's log, with the VM's data: it must outlast the run folder, or a VM that runs on could not be reached. */
const FILE = "agent-secret";
/** `KEY`, and ` known` behind it once the agent has shown that it has the key. */
const CONTENT = /^([0-9a-f]{64})( known)?\n$/;

/** Makes the secret of a boot that is about to begin. Only the user can read it; the guest's own users never see it. */
export async function renewAgentSecret(consoleLog: string): Promise<void> {
  await write(pathOf(consoleLog), randomBytes(SECRET_BYTES), false);
}

/** The secret of a machine that runs; undefined for one that an older banger started. */
export async function readAgentSecret({ consoleLog, line }: MachineRecord): Promise<BootSecret | undefined> {
  const path = pathOf(consoleLog);
  const [, key, known] = CONTENT.exec(await textOf(path)) ?? [];
  if (key === undefined) return undefined;
  const value = Buffer.from(key, "hex");
  const bring = bringer(line, value);
  return {
    value,
    // Only the guest's root can open a serial port: an agent there that has lost the secret, by kexec(8), is told it again.
    isKnown: known !== undefined && line.kind !== "virtio-serial",
    ...(bring !== undefined && { bring }),
    noteKnown: () => write(path, value, true),
  };
}

/** On a vsock that any user of the host can connect to, nobody is told a secret: it comes by the guest's serial port. */
function bringer(line: AgentLine, value: Uint8Array): BootSecret["bring"] {
  if (line.kind !== "vhost-vsock" || line.secretSocketPath === undefined) return undefined;
  const path = line.secretSocketPath;
  return async (signal) => {
    const secret = { value, isKnown: false, noteKnown: () => Promise.resolve() };
    const agent = await connectAgent({ dial: (within) => dialVirtioSerial(path, within), secret, signal });
    agent.close();
  };
}

function pathOf(consoleLog: string): string {
  return join(dirname(consoleLog), FILE);
}

/** Not through to the disk: after a power cut there is no such boot any more. */
async function write(path: string, key: Uint8Array, isKnown: boolean): Promise<void> {
  writeFileAtomicSync(path, `${Buffer.from(key).toString("hex")}${isKnown ? " known" : ""}\n`, { durable: false });
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return "";
    throw error;
  }
}
