import { findExecutable } from "../../lib/find-executable.ts";
import { installHint } from "../../lib/install-hint.ts";
import type { HostCheck } from "../../model/doctor.ts";

export function sshCheck(searchPath: string | undefined): HostCheck {
  return {
    name: "ssh",
    why: "`banger vm ssh` uses the host's OpenSSH client; `banger vm exec` needs none",
    essential: false,
    async look() {
      const path = await findExecutable("ssh", searchPath);
      return path === undefined
        ? { result: "warn", summary: "ssh is not in PATH", fix: installHint("ssh") }
        : { result: "ok", summary: path, data: { path } };
    },
  };
}
