import { createHash } from "node:crypto";
import { copyFile, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { run } from "../../src/lib/process.ts";

/** What a kernel package of Void holds, in the form in which xbps-create(1) packs it. */
export interface VoidKernel {
  readonly release: string;
  readonly vmlinuz: string;
  /** The content of /lib/modules/RELEASE. */
  readonly modules: string;
  /** `linux6.12` unless told. */
  readonly package?: string;
}

/** Makes a .xbps package: a tar packed with zstd that begins with props.plist and files.plist. Its path is returned. */
export async function makeVoidKernelPackage(folder: string, kernel: VoidKernel): Promise<string> {
  const { release, package: name = "linux6.12" } = kernel;
  const tree = join(folder, `${name}-tree`);
  await mkdir(join(tree, "boot"), { recursive: true });
  await mkdir(join(tree, "usr/lib/modules"), { recursive: true });
  const vmlinuz = `/boot/vmlinuz-${release}`;
  await copyFile(kernel.vmlinuz, join(tree, vmlinuz));
  await cp(kernel.modules, join(tree, "usr/lib/modules", release), { recursive: true });
  await writeFile(join(tree, "INSTALL"), "#!/bin/sh\necho this must not run >&2\nexit 1\n");
  await writeFile(
    join(tree, "props.plist"),
    plist(`<key>architecture</key>\n\t<string>x86_64</string>
	<key>pkgname</key>\n\t<string>${name}</string>
	<key>pkgver</key>\n\t<string>${name}-6.12.9_1</string>
	<key>version</key>\n\t<string>6.12.9_1</string>`),
  );
  const sum = createHash("sha256")
    .update(await readFile(kernel.vmlinuz))
    .digest("hex");
  await writeFile(
    join(tree, "files.plist"),
    plist(`<key>files</key>\n\t<array>\n\t\t<dict>\n\t\t\t<key>file</key>\n\t\t\t<string>${vmlinuz}</string>
			<key>mtime</key>\n\t\t\t<integer>0</integer>
			<key>sha256</key>\n\t\t\t<string>${sum}</string>\n\t\t</dict>\n\t</array>`),
  );
  return packVoid(folder, `${name}-6.12.9_1.x86_64.xbps`, tree);
}

/** Packs a package's tree as xbps does: its own files first. */
export async function packVoid(folder: string, name: string, tree: string): Promise<string> {
  const path = join(folder, name);
  const parts = ["./INSTALL", "./props.plist", "./files.plist", "./boot", "./usr"];
  await run("tar", ["--zstd", "-cf", path, "-C", tree, ...parts], { timeoutMs: 300_000 });
  return path;
}

/** Makes a rootfs tarball as Void publishes them, with busybox for all its programs. Its path is returned. */
export async function makeVoidRootfs(folder: string): Promise<string> {
  const tree = join(folder, "rootfs-tree");
  for (const dir of ["usr/bin", "usr/lib", "etc/runit", "dev", "proc", "sys", "run", "tmp", "root", "var"]) {
    await mkdir(join(tree, dir), { recursive: true });
  }
  await copyFile("/bin/busybox", join(tree, "usr/bin/busybox"));
  const applets = ["sh", "cat", "uname", "id", "ls", "ps", "true"];
  const linking = applets.map((applet) => run("ln", ["-s", "busybox", join(tree, "usr/bin", applet)]));
  await Promise.all([...linking, run("ln", ["-s", "usr/bin", join(tree, "bin")])]);
  // runit's stage script; its init is not here, so that what boots is the agent.
  await writeFile(join(tree, "etc/runit/1"), "#!/bin/sh\n");
  await writeFile(join(tree, "etc/os-release"), 'NAME="Void"\nID="void"\nPRETTY_NAME="Void Linux"\n');
  await writeFile(join(tree, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  await writeFile(join(tree, "etc/group"), "root:x:0:\n");
  const path = join(folder, "void-x86_64-ROOTFS-20250202.tar.xz");
  await run("tar", ["--owner=0", "--group=0", "-cJf", path, "-C", tree, "."]);
  return path;
}

function plist(body: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple Computer//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	${body}
</dict>
</plist>
`;
}

/** The sum of a file, in hex. */
export async function sumOf(path: string): Promise<string> {
  const { stdout } = await run("sha256sum", [basename(path)], { cwd: join(path, "..") });
  return stdout.split(" ")[0] ?? "";
}
