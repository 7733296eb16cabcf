import type { TestHost } from "./test-host.ts";

/** How far a guest's clock is outside of what the host's said before and after it was read, in ms. */
export async function clockError(host: TestHost, vm: string): Promise<number> {
  const before = Date.now();
  const said = await host.ok(["vm", "exec", vm, "--", "busybox", "adjtimex"]);
  const field = (name: string): number => Number(new RegExp(`time\\.${name}: +(\\d+)`).exec(said)?.[1]);
  const guest = field("tv_sec") * 1000 + field("tv_usec") / 1000;
  return Math.max(before - guest, guest - Date.now(), 0);
}
