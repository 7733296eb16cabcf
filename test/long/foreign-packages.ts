import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { run } from "../../src/lib/process.ts";

/** Go modules of projects that read or write images, whose tests bring archives and layouts. By version and Go's own sum. */
const MODULES: readonly { readonly module: string; readonly sum: string }[] = [
  { module: "github.com/google/go-containerregistry@v0.20.2", sum: "h1:B1wPJ1SN/S7pB+ZAimcciVD+r+yV/l/DSArMxlbwseo=" },
  { module: "github.com/vbatts/tar-split@v0.11.6", sum: "h1:4SjTW5+PU11n6fZenf2IPoV8/tz3AaYHMWjf23envGs=" },
  { module: "github.com/containers/storage@v1.55.0", sum: "h1:wTWZ3YpcQf1F+dSP4KxG9iqDfpQY1otaUXjPpffuhgg=" },
  { module: "github.com/containers/image/v5@v5.32.2", sum: "h1:SzNE2Y6sf9b1GJoC8qjCuMBXwQrACFp4p0RK15+4gmQ=" },
  { module: "github.com/anchore/stereoscope@v0.0.3", sum: "h1:JRPHySy8S6P+Ff3IDiQ29ap1i8/laUQxDk9K1eFh/2U=" },
  { module: "github.com/wagoodman/dive@v0.12.0", sum: "h1:K/E2vAM0AX4CRjlEEwWOemQGcmeqPGhsLoulie2DzIA=" },
  { module: "github.com/regclient/regclient@v0.7.1", sum: "h1:qEsJrTmZd98fZKjueAbrZCSNGU+ifnr6xjlSAs3WOPs=" },
  { module: "github.com/aquasecurity/trivy@v0.50.0", sum: "h1:jgKdbb/OWKQ6iNg+zf4riBiY8Eiw30yQswSGDVHoe2Q=" },
];

/** 60 GB of zeros, which each judge would write to the disk; a sparse file of 6 GiB is in the corpus. */
const LEFT_OUT = /-sparse-big\.tar$/;
const MAX_FIXTURE_BYTES = 100 * 1024 ** 2;
const FETCH_TIMEOUT_MS = 600_000;

export interface Fixture {
  /** `go-containerregistry/pkg/v1/tarball/testdata/test_link.tar` */
  readonly name: string;
  readonly path: string;
  readonly kind: "archive" | "layout";
}

const downloadSchema = z.object({ Dir: z.string(), Sum: z.string() });

/** Fetches the modules into Go's own cache, where they stay, and lists the archives and layouts in them. */
export async function foreignFixtures(): Promise<Fixture[]> {
  // Outside of any module: a go.mod there would have a say.
  const nowhere = await mkdtemp(join(tmpdir(), "banger-go-"));
  try {
    const found: Fixture[] = [];
    for (const { module, sum } of MODULES) {
      const options = { cwd: nowhere, timeoutMs: FETCH_TIMEOUT_MS };
      const { stdout } = await run("go", ["mod", "download", "-json", module], options);
      const { Dir: folder, Sum } = downloadSchema.parse(JSON.parse(stdout));
      if (Sum !== sum) throw new Error(`${module} has the sum ${Sum}, and ${sum} was expected`);
      found.push(...(await fixturesIn(folder, nameOf(module))));
    }
    return found;
  } finally {
    await rm(nowhere, { recursive: true });
  }
}

/** `github.com/containers/image/v5@v5.32.2` → `containers/image` */
function nameOf(module: string): string {
  return module.replace(/^github\.com\//, "").replace(/(?:\/v\d+)?@.*$/, "");
}

async function fixturesIn(folder: string, name: string): Promise<Fixture[]> {
  const found: Fixture[] = [];
  for (const relative of (await readdir(folder, { recursive: true })).sort()) {
    const path = join(folder, relative);
    if (relative.endsWith("/oci-layout")) {
      const layout = relative.slice(0, -"/oci-layout".length);
      found.push({ name: `${name}/${layout}`, path: join(folder, layout), kind: "layout" });
    } else if (/\.(?:tar|tar\.gz|tgz)$/.test(relative) && !LEFT_OUT.test(relative)) {
      const { size } = await stat(path);
      if (size > 0 && size <= MAX_FIXTURE_BYTES) found.push({ name: `${name}/${relative}`, path, kind: "archive" });
    }
  }
  return found;
}
