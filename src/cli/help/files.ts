import { recordedSocket } from "../../lib/holder-record.ts";
import { layoutFrom } from "../../model/layout.ts";
import { columns } from "./columns.ts";

export function files(): string {
  const layout = layoutFrom(process.env);
  return `Where banger keeps what, for you on this host. XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME
and XDG_CACHE_HOME move it.

${columns([
  ["configuration", layout.configFile],
  ["SSH key", layout.sshKey],
  ["kernels", layout.kernelsDir],
  ["images", layout.imagesDir],
  ["volumes", layout.volumesDir],
  ["VMs", layout.vmsDir],
  ["workspaces", layout.workspacesDir],
  ["database", layout.database],
  ["log of the daemon", layout.daemonLog],
  ["socket of the daemon", recordedSocket(layout.lockFile) ?? layout.socket],
])}
`;
}
