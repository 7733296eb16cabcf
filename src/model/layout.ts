import { join } from "node:path";
import { tmpdir, userInfo } from "node:os";
import { INSTANCE_FILE } from "../lib/destroy.ts";

/**
 * Where everything of banger lies on this host. One function makes them all, from the environment
 * (XDG Base Directory Specification 0.8); nothing else joins these names.
 */
export interface Layout {
  readonly configFile: string;
  readonly sshKey: string;
  /** What `~/.ssh/config` includes, once asked to. */
  readonly sshConfig: string;
  /** Host keys for that, a file for each name that was connected to. */
  readonly sshHostsDir: string;
  readonly cacheDir: string;
  readonly dataDir: string;
  readonly blobsDir: string;
  readonly kernelsDir: string;
  readonly imagesDir: string;
  readonly volumesDir: string;
  readonly vmsDir: string;
  /** What came home of each workspace. */
  readonly workspacesDir: string;
  /** Work in progress, on the data's own file system so that it can be renamed into place. */
  readonly workDir: string;
  readonly stateDir: string;
  readonly database: string;
  readonly lockFile: string;
  readonly daemonLog: string;
  /** Sockets, with the state: a session's own folder would go with the user's last logout, and differ between sessions. */
  readonly runDir: string;
  readonly socket: string;
  /** Where sockets go if the state's file system can hold none. */
  readonly otherRunDir: string;
}

export function layoutFrom(env: Readonly<Record<string, string | undefined>>): Layout {
  const home = env["HOME"] ?? userInfo().homedir;
  const at = (variable: string, fallback: string): string => {
    const value = env[variable];
    // "All paths must be absolute; a relative one is to be ignored" (XDG specification).
    return value !== undefined && value.startsWith("/") ? value : join(home, fallback);
  };
  const configDir = join(at("XDG_CONFIG_HOME", ".config"), "banger");
  const dataDir = join(at("XDG_DATA_HOME", ".local/share"), "banger");
  const stateDir = join(at("XDG_STATE_HOME", ".local/state"), "banger");
  return {
    configFile: join(configDir, "config.toml"),
    sshKey: join(configDir, "ssh", "id_ed25519"),
    sshConfig: join(configDir, "ssh", "config"),
    sshHostsDir: join(configDir, "ssh", "known_hosts.d"),
    cacheDir: join(at("XDG_CACHE_HOME", ".cache"), "banger"),
    dataDir,
    blobsDir: join(dataDir, "blobs"),
    kernelsDir: join(dataDir, "kernels"),
    imagesDir: join(dataDir, "images"),
    volumesDir: join(dataDir, "volumes"),
    vmsDir: join(dataDir, "vms"),
    workspacesDir: join(dataDir, "workspaces"),
    workDir: join(dataDir, "work"),
    stateDir,
    database: join(stateDir, "banger.db"),
    lockFile: join(stateDir, "daemon.lock"),
    daemonLog: join(stateDir, "bangerd.log"),
    ...socketsIn(join(stateDir, "run")),
    otherRunDir: runtimeDirectory(env["XDG_RUNTIME_DIR"]),
  };
}

/** The part of a layout that moves with the folder of the sockets. */
export function socketsIn(runDir: string): Pick<Layout, "runDir" | "socket"> {
  return { runDir, socket: join(runDir, "bangerd.sock") };
}

/** Where no session gave us a folder, one of our own in /tmp, which the daemon makes 0700 and checks. */
function runtimeDirectory(xdg: string | undefined): string {
  if (xdg !== undefined && xdg.startsWith("/")) return join(xdg, "banger");
  return join(tmpdir(), `banger-${userInfo().uid}`);
}

/** The folder of a VM's sockets, log and pid. */
export function vmRunDir(layout: Layout, vmId: string): string {
  return join(layout.runDir, vmId);
}

/** Folders that are one instance's: each says whose it is, and is held by its daemon alone. */
export function instanceFolders(layout: Layout): Readonly<Record<"state" | "data" | "run", string>> {
  return { state: layout.stateDir, data: layout.dataDir, run: layout.runDir };
}

/** Where the folder of an instance says whose it is. */
export function instanceFile(folder: string): string {
  return join(folder, INSTANCE_FILE);
}

/** The lock on a folder of an instance. */
export function folderLock(folder: string): string {
  return join(folder, "daemon.lock");
}

/** Where objects have their folders, each named by its id, and the file in each that tells of it. */
export function describedFolders(
  layout: Layout,
): Readonly<Record<"kernels" | "images" | "volumes" | "vms", { readonly folder: string; readonly file: string }>> {
  return {
    kernels: { folder: layout.kernelsDir, file: "kernel.json" },
    images: { folder: layout.imagesDir, file: "image.json" },
    volumes: { folder: layout.volumesDir, file: "volume.json" },
    vms: { folder: layout.vmsDir, file: "vm.json" },
  };
}
