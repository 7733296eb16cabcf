import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../src/lib/process.ts";
import type { PackageKey } from "./package-key.ts";
import type { Part } from "./repackaged-debian.ts";

/** Makes signed packages in the form of makepkg(8), which refuses to run as root, and a repository by repo-add(8). */
export async function makePacmanRepository(folder: string, parts: readonly Part[], key: PackageKey): Promise<void> {
  await mkdir(folder, { recursive: true });
  const packages: string[] = [];
  for (const part of parts) {
    const path = join(folder, `${part.name}-${part.version}-1-x86_64.pkg.tar.zst`);
    await pack(path, part);
    await key.sign(path, "sig");
    packages.push(path);
  }
  await run("repo-add", ["--quiet", join(folder, "core.db.tar.gz"), ...packages], { timeoutMs: 120_000 });
}

async function pack(path: string, { name, version, requires, tree }: Part): Promise<void> {
  const { stdout } = await run("du", ["-sb", tree]);
  const info = [
    `pkgname = ${name}`,
    `pkgbase = ${name}`,
    `pkgver = ${version}-1`,
    `pkgdesc = ${name} of Debian`,
    "builddate = 1735689600",
    "packager = Test packages <packages@example.com>",
    `size = ${stdout.split("\t")[0]}`,
    "arch = x86_64",
    ...requires.map((required) => `depend = ${required}`),
  ];
  await writeFile(join(tree, ".PKGINFO"), `${info.join("\n")}\n`);
  await writeFile(
    join(tree, ".INSTALL"),
    "post_install() {\n  command -v systemd-sysusers >/dev/null && systemd-sysusers\n  true\n}\n",
  );
  const own = [".PKGINFO", ".INSTALL"];
  const others = (await readdir(tree)).filter((entry) => !own.includes(entry));
  await run("tar", ["--zstd", "--owner=0", "--group=0", "-cf", path, "-C", tree, ...own, ...others]);
}
