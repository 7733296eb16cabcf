import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toolMissing } from "../../src/lib/process.ts";
import { hasErrno } from "../../src/lib/errors.ts";
import { checkCatalogSignature, parseCatalog, requireKey, SIGNATURE_SUFFIX } from "../../src/kernel/catalog/catalog.ts";
import type { MinisignKey } from "../../src/kernel/catalog/minisign.ts";
import type { CatalogKernel, KernelCatalog } from "../../src/model/kernel-catalog.ts";
import { CATALOG_FILE } from "../../src/nouns/kernels/read-catalog.ts";
import { nextEdition } from "./catalog-edition.ts";
import type { CatalogStore } from "./catalog-store.ts";
import { packKernel, type KernelParts } from "./pack-kernel.ts";

export interface Publication {
  /** As it is to be pulled. */
  readonly kernel: Omit<CatalogKernel, "archive" | "recipe">;
  readonly parts: KernelParts;
  readonly store: CatalogStore;
  /** Files of minisign. */
  readonly secretKey: string;
  readonly publicKey: string;
  /** More places of the archive, for the catalog. */
  readonly urls: readonly string[];
  readonly say: (line: string) => void;
}

/**
 * Packs and signs a kernel, puts it where it is published, and then the catalog's next edition. The one that is there is
 * verified first: what somebody else put into it is not signed along.
 */
export async function publish(publication: Publication): Promise<KernelCatalog> {
  const { kernel, parts, store, urls, say } = publication;
  const key = requireKey(await readFile(publication.publicKey, "utf8"), store.url);
  const previous = await trusted(store, key);
  const work = await mkdtemp(join(tmpdir(), "banger-publish-"));
  try {
    const { name, version, arch } = kernel;
    const path = join(work, `${name}_${version}_${arch}.tar.zst`);
    say(`packing ${name} ${version}`);
    const archive = await packKernel(parts, path);
    const signature = await sign(publication, path, `${name} ${version} ${arch}`);
    say(`putting ${archive.size} bytes to ${store.url}`);
    const place = await store.putArchive(archive, `${name}-${version}-${arch}`);
    const { sha256, size } = archive;
    const entry = { ...kernel, archive: { urls: [place, ...urls], sha256, size, signature } };
    const catalog = nextEdition(previous, entry, new Date());
    const data = Buffer.from(`${JSON.stringify(catalog, null, 2)}\n`);
    parseCatalog(data, "that is about to be published");
    const file = join(work, CATALOG_FILE);
    await writeFile(file, data);
    await store.putCatalog({ data, signature: await sign(publication, file, `catalog ${catalog.serial}`) });
    say(`published edition ${catalog.serial}, with ${catalog.kernels.map((one) => one.name).join(", ")}`);
    return catalog;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function trusted(store: CatalogStore, key: MinisignKey): Promise<KernelCatalog | undefined> {
  const current = await store.current();
  if (current === undefined) return undefined;
  checkCatalogSignature(current.data, current.signature, key, store.url);
  return parseCatalog(current.data, store.url);
}

/** minisign asks for the password of the key itself, where there is one. */
async function sign({ secretKey }: Publication, path: string, comment: string): Promise<string> {
  const args = ["-S", "-s", secretKey, "-m", path, "-x", path + SIGNATURE_SUFFIX, "-t", comment];
  const child = spawn("minisign", args, { stdio: ["inherit", 2, "inherit"] });
  try {
    const [status] = (await once(child, "exit")) as [number | null];
    if (status !== 0) throw new Error(`minisign ended with ${status ?? "a signal"}; nothing was published`);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) throw toolMissing("minisign", "apt-get install minisign", error);
    throw error;
  }
  return readFile(path + SIGNATURE_SUFFIX, "utf8");
}
