import { access, mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { asBangerError } from "../src/lib/errors.ts";
import { run } from "../src/lib/process.ts";
import { KERNEL_FOLDER } from "../src/kernel/kernel-folder.ts";
import { probeKernelFile } from "../src/kernel/image/probe-kernel.ts";
import { kernelSchema } from "../src/model/kernel.ts";
import { layoutFrom } from "../src/model/layout.ts";
import { supportOf, upstreamVersion } from "./publishing/catalog-edition.ts";
import { folderStore, registryStore } from "./publishing/catalog-store.ts";
import type { KernelParts } from "./publishing/pack-kernel.ts";
import { publish, type Publication } from "./publishing/publish.ts";

/** What publish-kernel.sh has explained to whoever asked. */
function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        to: { type: "string" },
        key: { type: "string" },
        pub: { type: "string" },
        from: { type: "string" },
        url: { type: "string", multiple: true, default: [] },
        insecure: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    console.error(`publish-kernel: ${error instanceof Error ? error.message : String(error)}; see --help`);
    process.exit(2);
  }
}

const { values, positionals } = readArguments();
const [name] = positionals;
const { to, key } = values;
if (name === undefined || to === undefined || key === undefined || positionals.length !== 1) {
  console.error("publish-kernel: NAME, --to and --key are needed; see --help");
  process.exit(2);
}

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
const say = (line: string): void => console.error(line);

type Described = Pick<Publication, "kernel" | "parts">;

/** A kernel of banger's. */
async function ownKernel(banger: string): Promise<Described> {
  const { stdout } = await run(banger, ["kernel", "inspect", name ?? "", "--json"]);
  const own = kernelSchema.parse(JSON.parse(stdout));
  const { release, arch, files } = own;
  const others = [files.config, files.initrd, files.modules].filter((part) => part !== undefined);
  const folder = join(layoutFrom(process.env).kernelsDir, own.id);
  const kernel = { name: name ?? "", version: upstreamVersion(release), arch, supports: supportOf(own) };
  return { kernel, parts: { folder, image: files.image.path, others } };
}

/** A folder with a kernel, as make-generic-kernel.sh leaves one. */
async function kernelIn(folder: string): Promise<Described> {
  const image = (await exists(join(folder, "vmlinux"))) ? "vmlinux" : KERNEL_FOLDER.image;
  await using scratch = await mkdtempDisposable(join(tmpdir(), "publish-kernel-"));
  const path = join(folder, image);
  const probe = await probeKernelFile(path, join(scratch.path, "vmlinux"), interrupted.signal);
  const { format, arch, release, abilities } = probe;
  const others: string[] = [];
  for (const part of [KERNEL_FOLDER.config, KERNEL_FOLDER.initrd, KERNEL_FOLDER.modules]) {
    if (await exists(join(folder, part))) others.push(part);
  }
  const parts: KernelParts = { folder, image, others };
  const supports = supportOf({ abilities, files: { image: { path: image, format } } });
  return { kernel: { name: name ?? "", version: upstreamVersion(release), arch, supports }, parts };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

try {
  const banger = join(import.meta.dirname, "../build/bin/banger");
  const described = values.from === undefined ? await ownKernel(banger) : await kernelIn(values.from);
  const operation = { signal: interrupted.signal, progress: () => {} };
  const registry = values.insecure ? { insecure: [new URL(to.replace(/^oci:/, "http:")).host] } : {};
  const store = to.startsWith("oci://") ? registryStore(to, operation, registry) : folderStore(to);
  const publicKey = values.pub ?? key.replace(/\.key$/, ".pub");
  await publish({ ...described, store, secretKey: key, publicKey, urls: values.url, say });
  console.log(store.url);
} catch (error) {
  const { what, why, fix } = asBangerError(error);
  console.error(`publish-kernel: ${what}${why === undefined ? "" : `: ${why}`}\n  ${fix}`);
  process.exitCode = 1;
}
