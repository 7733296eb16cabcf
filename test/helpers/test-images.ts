import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./test-host.ts";

const exec = promisify(execFile);

export const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "banger");

/**
 * A real Debian image as an OCI layout, made from Debian's own packages the first time and kept in the user's cache.
 *
 * @param packages what it has besides a minimal system.
 * @returns a reference: `oci:DIR`.
 */
export async function debianImage(
  suite: string,
  packages: readonly string[] = ["systemd-sysv", "dbus"],
): Promise<string> {
  const name = [suite, ...packages].join("-");
  // A file name holds 255 bytes.
  const short = name.length < 200 ? name : `${suite}-${createHash("sha256").update(name).digest("hex").slice(0, 16)}`;
  const folder = join(CACHE, "images", short);
  await exec(join(ROOT, "scripts", "make-debian-image.sh"), [suite, folder, ...packages], { maxBuffer: 2 ** 26 });
  return `oci:${folder}`;
}

/** What a scratch image is made of: busybox-static and nothing else, no init, no shell of its own but busybox's. */
const BUSYBOX = "/bin/busybox";

/**
 * An image of busybox-static alone, packed by umoci: no init, no sshd, no package manager.
 *
 * @returns its reference, and a disposer that removes it.
 */
export async function busyboxImage(): Promise<
  AsyncDisposable & { readonly reference: string; readonly folder: string }
> {
  const folder = await mkdtemp(join(tmpdir(), "bh-busybox-"));
  const layout = join(folder, "layout");
  const bundle = join(folder, "bundle");
  await exec("umoci", ["init", "--layout", layout]);
  await exec("umoci", ["new", "--image", `${layout}:latest`]);
  await exec("umoci", ["unpack", "--image", `${layout}:latest`, bundle]);
  const rootfs = join(bundle, "rootfs");
  for (const dir of ["bin", "etc", "tmp"]) await mkdir(join(rootfs, dir), { recursive: true });
  await copyFile(BUSYBOX, join(rootfs, "bin", "busybox"));
  for (const applet of [
    "sh",
    "cat",
    "id",
    "uname",
    "sleep",
    "sha256sum",
    "dd",
    "stty",
    "echo",
    "true",
    "hostname",
    "ls",
    "kill",
    "head",
    "seq",
    "wget",
    "ip",
    "test",
    "mount",
    "df",
    "sync",
    "ps",
    "date",
  ]) {
    await symlink("busybox", join(rootfs, "bin", applet));
  }
  await writeFile(join(rootfs, "etc", "passwd"), "root:x:0:0:root:/:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n");
  await writeFile(join(rootfs, "etc", "group"), "root:x:0:\nuser:x:1000:\nextra:x:2000:user\n");
  await exec("umoci", ["repack", "--image", `${layout}:latest`, bundle]);
  const config = [
    "--config.cmd",
    "/bin/sh",
    "--config.cmd",
    "-c",
    "--config.cmd",
    "echo hello from $WHERE",
    "--config.env",
    "WHERE=busybox",
    "--config.env",
    "PATH=/bin",
  ];
  await exec("umoci", ["config", "--image", `${layout}:latest`, ...config]);
  return {
    reference: `oci:${layout}`,
    folder: layout,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
