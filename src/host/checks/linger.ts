import { access, readdir, readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { basename, join } from "node:path";
import type { Finding, HostCheck } from "../../model/doctor.ts";

/** logind.conf(5): the main file, then drop-ins in the order of their names. */
const MAIN = ["/usr/lib/systemd/logind.conf", "/etc/systemd/logind.conf"] as const;
const DROP_INS = ["/usr/lib", "/usr/local/lib", "/run", "/etc"].map((root) => join(root, "systemd/logind.conf.d"));
/** Where `loginctl enable-linger` writes down whom it is for. */
const LINGER = "/var/lib/systemd/linger";

/** What decides whether VMs outlive their user's last logout. */
export interface LogoutFacts {
  /** The text of /proc/self/cgroup: VMMs stay in the daemon's. */
  readonly cgroup: string;
  readonly user: string;
  readonly isRoot: boolean;
  readonly lingers: boolean;
  readonly killsUserProcesses: boolean;
}

/** Warns where systemd ends VMs, and the daemon, when their user logs out. */
export function lingerCheck(): HostCheck {
  return {
    name: "logout",
    why: "systemd may end everything that a user has started when they log out, VMs too",
    essential: false,
    look: async () => logoutFinding(await logoutFacts()),
  };
}

/**
 * What comes of the facts: logind ends a session's processes if it is told to, though not root's (logind.conf(5),
 * KillUserProcesses and KillExcludeUsers); the user's service manager takes its own along whenever it ends, and only
 * lingering keeps it.
 */
export function logoutFinding({ cgroup, user, isRoot, lingers, killsUserProcesses }: LogoutFacts): Finding {
  const inManager = /\/user@\d+\.service(?:\/|$)/m.test(cgroup);
  const inSession = /\/session-[^/]+\.scope(?:\/|$)/m.test(cgroup);
  const data = { lingers, killsUserProcesses };
  if (!inManager && !inSession) return { result: "ok", summary: "no login holds the daemon or its VMs", data };
  if (lingers) return { result: "ok", summary: `VMs outlive the logout of ${user}: it lingers`, data };
  if (!inManager && (isRoot || !killsUserProcesses)) {
    return { result: "ok", summary: `VMs outlive the logout of ${user}: logind leaves its processes`, data };
  }
  return {
    result: "warn",
    summary: `running VMs end at the last logout of ${user}`,
    fix: `loginctl enable-linger ${user}${inManager ? "" : ", then banger daemon stop, and start it from a new login"}`,
    data,
  };
}

async function logoutFacts(): Promise<LogoutFacts> {
  const { username: user, uid } = userInfo();
  const lingers = access(join(LINGER, user)).then(
    () => true,
    () => false,
  );
  const texts = await Promise.all((await configurationFiles()).map(readIfThere));
  return {
    cgroup: await readIfThere("/proc/self/cgroup"),
    user,
    isRoot: uid === 0,
    lingers: await lingers,
    killsUserProcesses: killsUserProcesses(texts),
  };
}

async function configurationFiles(): Promise<readonly string[]> {
  const lists = await Promise.all(
    DROP_INS.map(async (folder) => (await readdir(folder).catch(() => [])).map((name) => join(folder, name))),
  );
  const dropIns = lists.flat().filter((path) => path.endsWith(".conf"));
  return [...MAIN, ...dropIns.toSorted((a, b) => (basename(a) < basename(b) ? -1 : 1))];
}

/** The last word of logind's files; a distribution tells the default that it was built with in a comment of the main one. */
export function killsUserProcesses(texts: readonly string[]): boolean {
  const said = (pattern: RegExp): string | undefined =>
    texts.flatMap((text) => [...text.matchAll(pattern)].map(([, value]) => value)).at(-1);
  const value = said(/^\s*KillUserProcesses\s*=\s*(\w+)/gm) ?? said(/^\s*#\s*KillUserProcesses\s*=\s*(\w+)/gm);
  return value !== undefined && /^(?:1|yes|true|on|y|t)$/i.test(value);
}

async function readIfThere(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
