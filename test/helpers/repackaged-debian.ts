import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run } from "../../src/lib/process.ts";

/** The content of Debian packages under the name that another distribution has for it. */
export interface Part {
  readonly name: string;
  readonly version: string;
  /** Names of other parts. */
  readonly requires: readonly string[];
  /** Its files, laid out as below /. */
  readonly tree: string;
}

/** Names of another distribution, each with the Debian packages that make it. Packages that are not named keep their name. */
export type Names = Readonly<Record<string, readonly string[]>>;

/** Nobody reads these in a guest, and they are most of the files. */
const LEFT_OUT = [
  "usr/share/doc",
  "usr/share/man",
  "usr/share/locale",
  "usr/share/lintian",
  "etc/init.d",
  "etc/default",
];
/** Links in every image; a package that held folders of these names would not fit. */
const MERGED = ["bin", "sbin", "lib", "lib64"];

/**
 * Takes Debian packages apart and lays their files out as distributions with rpm or pacman have them: everything in
 * /usr, sshd.service under that name with its configuration in place, users by sysusers.d(5) instead of a script.
 */
export async function repackage(debs: string, work: string, names: Names): Promise<Part[]> {
  const named = new Map(Object.entries(names).flatMap(([name, from]) => from.map((deb) => [deb, name] as const)));
  const files = (await readdir(debs)).filter((name) => name.endsWith(".deb")).toSorted();
  const known = new Map(files.map((file) => [file.split("_")[0] ?? "", file] as const));
  const parts = new Map<string, { version: string; requires: Set<string>; tree: string }>();
  for (const [deb, file] of known) {
    const name = named.get(deb) ?? deb;
    const part = parts.get(name) ?? { version: "", requires: new Set<string>(), tree: join(work, name) };
    parts.set(name, part);
    await mkdir(part.tree, { recursive: true });
    await run("dpkg-deb", ["-x", join(debs, file), part.tree]);
    const { stdout } = await run("dpkg-deb", ["-f", join(debs, file), "Version", "Depends", "Pre-Depends"]);
    part.version = /^Version: (?:\d+:)?([\w.]+)/m.exec(stdout)?.[1] ?? "0";
    for (const word of stdout.match(/[a-z0-9][a-z0-9.+-]+/g) ?? []) {
      const required = named.get(word) ?? word;
      if (known.has(word) && required !== name) part.requires.add(required);
    }
  }
  // Other distributions' systemd does not do without, and asks for it.
  parts.get("systemd")?.requires.add(named.get("dbus") ?? "dbus");
  for (const { tree } of parts.values()) await layOut(tree);
  return [...parts].map(([name, part]) => ({ name, ...part, requires: [...part.requires].toSorted() }));
}

async function layOut(tree: string): Promise<void> {
  for (const path of LEFT_OUT) await rm(join(tree, path), { recursive: true, force: true });
  for (const name of MERGED) {
    if (!(await exists(join(tree, name)))) continue;
    await mkdir(join(tree, "usr"), { recursive: true });
    await cp(join(tree, name), join(tree, "usr", name), { recursive: true, verbatimSymlinks: true });
    await rm(join(tree, name), { recursive: true });
  }
  const units = join(tree, "usr/lib/systemd/system");
  if (await exists(join(units, "ssh.service"))) {
    const unit = await readFile(join(units, "ssh.service"), "utf8");
    await rename(join(units, "ssh.service"), join(units, "sshd.service"));
    await writeFile(join(units, "sshd.service"), unit.replace(/^(?:Alias|EnvironmentFile)=.*\n/gm, ""));
    await putNew(tree, "usr/lib/sysusers.d/openssh-server.conf", 'u sshd - "sshd" /run/sshd\n');
    await cp(join(tree, "usr/share/openssh/sshd_config"), join(tree, "etc/ssh/sshd_config"));
  }
  if (await exists(join(tree, "usr/share/dbus-1/system.conf")))
    await putNew(tree, "usr/lib/sysusers.d/dbus.conf", 'u messagebus - "D-Bus"\n');
}

/** Newer packages bring one of their own. */
async function putNew(tree: string, path: string, content: string): Promise<void> {
  if (await exists(join(tree, path))) return;
  await mkdir(dirname(join(tree, path)), { recursive: true });
  await writeFile(join(tree, path), content);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
