import type { ProgramGuest } from "./program-guest.ts";

/**
 * Cuts the power of a guest while a script of its runs: its VMM is killed, with all that it had not yet given to the host.
 *
 * @param script tells on stderr, a line each, the number of the step that it was told is on disk.
 * @param steps cut once this one has been heard of.
 * @returns the last step that was heard of here: from then on nobody may forget it.
 */
export async function cutPowerDuring(guest: ProgramGuest, script: string, steps: number): Promise<number> {
  let said = "";
  let cut: Promise<string> | undefined;
  const running = await guest.host.banger(["vm", "exec", guest.name, "--", "bash", "-c", script], {
    timeoutMs: 600_000,
    onOutput: (text) => {
      said += text;
      if (lastStep(said) >= steps) cut ??= guest.host.ok(["vm", "stop", "--force", guest.name]);
    },
  });
  await cut;
  if (cut === undefined) throw new Error(`it ended by itself: ${running.code ?? running.signal}\n${said.slice(-4000)}`);
  return lastStep(said);
}

/** The number on the last whole line that holds nothing else; 0 where there is none. */
function lastStep(said: string): number {
  return Number([...said.matchAll(/^(\d+)\n/gm)].at(-1)?.[1] ?? 0);
}
