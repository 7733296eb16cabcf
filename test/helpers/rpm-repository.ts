import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../src/lib/process.ts";
import type { PackageKey } from "./package-key.ts";
import type { Part } from "./repackaged-debian.ts";

/** What rpm's scripts ask for, and the image has without rpm's knowledge. */
const BASE = "debian-base";

/** Users are made when all is unpacked, as systemd's own triggers do it. */
const SYSUSERS = "systemd-sysusers";

/** Makes signed packages by rpmbuild(8), and a repository with signed lists by createrepo_c(8). */
export async function makeRpmRepository(folder: string, parts: readonly Part[], key: PackageKey): Promise<void> {
  const work = `${folder}.work`;
  await mkdir(folder, { recursive: true });
  await mkdir(work);
  const lines = await Promise.all(parts.map((part) => describe(part, work)));
  const spec = join(work, "debian.spec");
  const copies = parts.map(({ tree }) => `cp -a ${tree}/. %{buildroot}`).join("\n");
  await writeFile(spec, `${HEAD}${lines.join("\n")}\n%install\nmkdir -p %{buildroot}\n${copies}\n`);
  const defines = ["--define", `_topdir ${work}`, "--define", `_rpmdir ${work}/rpms`];
  await run("rpmbuild", ["-bb", "--quiet", ...defines, spec], { timeoutMs: 300_000 });
  const built = join(work, "rpms/x86_64");
  for (const name of await readdir(built)) await rename(join(built, name), join(folder, name));
  const rpms = (await readdir(folder)).filter((name) => name.endsWith(".rpm")).map((name) => join(folder, name));
  const names = { _gpg_name: key.fingerprint, _gpg_path: key.home, __gpg: "/usr/bin/gpg" };
  const signing = Object.entries(names).flatMap(([name, value]) => ["--define", `${name} ${value}`]);
  await run("rpmsign", [...signing, "--addsign", ...rpms], { timeoutMs: 300_000 });
  await run("createrepo_c", ["--quiet", folder]);
  await key.sign(join(folder, "repodata/repomd.xml"), "asc");
}

const HEAD = `%define debug_package %{nil}
%define __os_install_post %{nil}
%define _build_id_links none
%define _binary_payload w1.gzdio
AutoReqProv: no
Name: ${BASE}
Version: 1
Release: 1
Summary: Stands for what the image has without rpm's knowledge
License: none
Provides: /bin/sh
BuildArch: x86_64
%description
The same.
%files
`;

async function describe({ name, version, requires, tree }: Part, work: string): Promise<string> {
  const list = join(work, `${name}.files`);
  // Folders are everybody's, but for those that only this package makes.
  const files = ["!", "-type", "d", "-printf", '"/%P"\\n'];
  const { stdout } = await run("find", [tree, ...files, "-o", "-empty", "-printf", '%%dir "/%P"\\n']);
  await writeFile(list, `%defattr(-,root,root)\n${stdout}`);
  return [
    `%package -n ${name}`,
    `Version: ${version}`,
    `Summary: ${name} of Debian`,
    "AutoReqProv: no",
    ...[BASE, ...requires].map((required) => `Requires: ${required}`),
    `%description -n ${name}`,
    "Debian's files.",
    `%posttrans -n ${name}`,
    SYSUSERS,
    `%files -n ${name} -f ${list}`,
    "",
  ].join("\n");
}
