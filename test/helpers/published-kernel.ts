import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT, type TestHost } from "./test-host.ts";

const exec = promisify(execFile);
export const PUBLISH = join(ROOT, "scripts/publish-kernel.sh");

/** A pair of keys by minisign itself, without a password. */
export async function newKeys(
  folder: string,
  name: string,
): Promise<{ readonly secret: string; readonly line: string }> {
  const [secret, open] = [join(folder, `${name}.key`), join(folder, `${name}.pub`)];
  await exec("minisign", ["-G", "-W", "-p", open, "-s", secret]);
  return { secret, line: (await readFile(open, "utf8")).trim().split("\n").at(-1) ?? "" };
}

/** Has a host take kernels from this catalog, and no other. More of its configuration comes before it. */
export async function useCatalog(host: TestHost, url: string, key: string, more = ""): Promise<void> {
  await mkdir(join(host.folder, ".config/banger"), { recursive: true });
  await writeFile(
    join(host.folder, ".config/banger/config.toml"),
    `${more}[[kernel_catalogs]]\nurl = "${url}"\nkey = "${key}"\n`,
  );
  // The daemon reads it when it starts.
  await host.banger(["daemon", "stop"]);
}

/**
 * Puts the generic kernel into a catalog of this registry and leaves the host without it, so that it can be pulled. The
 * first time on a machine it is compiled for minutes; afterwards the build is in the user's cache.
 */
export async function serveGenericKernel(host: TestHost, registry: string): Promise<void> {
  const keys = await newKeys(host.folder, "catalog");
  const url = `oci://${registry}/test/kernels`;
  await host.ok(["kernel", "build", "generic-6.12"], { timeoutMs: 2_700_000 });
  const published = await host.run(PUBLISH, ["generic-6.12", "--to", url, "--key", keys.secret]);
  if (published.code !== 0) throw new Error(published.stderr);
  await host.ok(["kernel", "delete", "generic-6.12"]);
  // The archive that guests install from is named in images before there is a guest: as it is behind libslirp.
  await useCatalog(host, url, keys.line, 'nat = "user"\n\n');
}
