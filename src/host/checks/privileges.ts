import type { Finding, HostCheck } from "../../model/doctor.ts";

export function privilegesCheck(uid: number | undefined): HostCheck {
  return {
    name: "privileges",
    why: "whoever breaks out of a guest's VMM has what banger has",
    essential: false,
    look: () => Promise.resolve(describePrivileges(uid)),
  };
}

export function describePrivileges(uid: number | undefined): Finding {
  const data = { uid: uid ?? null };
  if (uid !== 0) return { result: "ok", summary: "runs as an ordinary user", data };
  return {
    result: "warn",
    summary: ROOT_WARNING,
    fix: "run banger as an ordinary user; with slirp4netns installed `--nat` and its firewall work there too",
    data,
  };
}

/** For the daemon's log, too. */
export const ROOT_WARNING = "banger runs as root: a guest that breaks out of its VMM is root on this host";
