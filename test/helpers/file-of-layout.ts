import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const exec = promisify(execFile);
const MAX_OUTPUT = 2 ** 27;

/** A file's text in the image of an OCI layout: the last layer that has it tells. */
export async function fileOfLayout(layout: string, path: string): Promise<string> {
  const read = async (digest: string): Promise<Buffer> => readFile(join(layout, "blobs", digest.replace(":", "/")));
  const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as { manifests: { digest: string }[] };
  const manifest = JSON.parse((await read(index.manifests[0]?.digest ?? "")).toString()) as {
    layers: { digest: string }[];
  };
  for (const { digest } of manifest.layers.toReversed()) {
    const blob = join(layout, "blobs", digest.replace(":", "/"));
    const found = await exec("tar", ["-xOf", blob, `./${path}`], { maxBuffer: MAX_OUTPUT }).catch(() => undefined);
    if (found !== undefined) return found.stdout;
  }
  throw new Error(`the image in ${layout} has no /${path}`);
}
