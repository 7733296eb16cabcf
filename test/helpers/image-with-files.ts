import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const exec = promisify(execFile);

type Layout = AsyncDisposable & { readonly layout: string; readonly tag: string };

/** A copy of an OCI layout with one more layer of these files: text, or programs of this host. */
export function withFiles(
  reference: string,
  files: Readonly<Record<string, string | { readonly from: string }>>,
  config: readonly string[] = [],
): Promise<Layout> {
  return withLayer(reference, (tree) => writeFiles(tree, files), config);
}

async function writeFiles(
  tree: string,
  files: Readonly<Record<string, string | { readonly from: string }>>,
): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(tree, path, ".."), { recursive: true });
    if (typeof content === "string") await writeFile(join(tree, path), content);
    else await copyFile(content.from, join(tree, path));
    const isProgram = typeof content !== "string" || content.startsWith("#!");
    await chmod(join(tree, path), isProgram ? 0o755 : 0o644);
  }
}

/** A copy of an OCI layout with one more layer, of whatever is put into a folder. */
export async function withLayer(
  reference: string,
  fill: (tree: string) => Promise<void>,
  config: readonly string[] = [],
): Promise<Layout> {
  const [, from = "", named] = reference.split(":");
  const folder = await mkdtemp(join(tmpdir(), "bh-image-"));
  const layout = join(folder, "layout");
  await exec("cp", ["-r", from, layout]);
  const { manifests } = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as {
    readonly manifests: readonly { readonly annotations: Readonly<Record<string, string>> }[];
  };
  const tag = named ?? manifests[0]?.annotations["org.opencontainers.image.ref.name"] ?? "latest";
  const tree = join(folder, "tree");
  await mkdir(tree);
  await fill(tree);
  const tar = join(folder, "layer.tar");
  await exec("tar", ["--owner=0", "--group=0", "-C", tree, "-cf", tar, ...(await readdir(tree))]);
  await exec("umoci", ["raw", "add-layer", "--image", `${layout}:${tag}`, tar]);
  if (config.length > 0) await exec("umoci", ["config", "--image", `${layout}:${tag}`, ...config]);
  return { layout, tag, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
