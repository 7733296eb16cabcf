import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { noProgress } from "../../src/lib/progress.ts";
import { configSchema } from "../../src/model/config.ts";
import { parseReference } from "../../src/oci/source/reference.ts";
import { privateAuthorities, registryOptions, type RegistryOptions } from "../../src/oci/registry/registry-options.ts";
import { pushImage } from "../../src/oci/push/push-image.ts";
import { digestOf } from "../../src/oci/manifest/digest.ts";
import { registryAccess } from "../../src/oci/registry/registry-access.ts";
import { expectCode } from "../helpers/expect-code.ts";
import { FaultRegistry, type Fault } from "../helpers/fault-registry.ts";
import { TarBuilder } from "../helpers/tar-builder.ts";
import { at, importReference, TestLayout } from "../helpers/test-layout.ts";

const hurried: Partial<RegistryOptions> = {
  env: {},
  dockerConfigFolder: "/does/not/exist",
  retry: { attempts: 3, firstPauseMs: 1, maxPauseMs: 5_000 },
};
const layers = Array.from({ length: 9 }, (_, i) => ({
  tar: new TarBuilder().file(`f${i}`, String(i).repeat(5000)).end(),
  compression: "gzip" as const,
}));
const pull = (reference: string, registry: Partial<RegistryOptions> = {}) =>
  importReference(parseReference(reference), { registry: { ...hurried, ...registry } });

test("four layers are fetched at once, never more, and applied in order whatever comes first", async () => {
  await using layout = await TestLayout.make(layers);
  let asked = -1; // The first blob is the config.
  let underWay = 0;
  let most = 0;
  let answered = 0;
  const waiting: (() => void)[] = [];
  // Layers are answered when four are asked for, the last of them first; the ninth is alone.
  await using registry = await FaultRegistry.start(layout, async (request, response, serve) => {
    if (request.url?.includes("/blobs/") !== true || ++asked === 0) return serve();
    underWay += 1;
    most = Math.max(most, underWay);
    response.once("close", () => (underWay -= 1));
    await new Promise<void>((resolve) => {
      waiting.unshift(resolve);
      if (waiting.length !== 4 && answered + waiting.length !== layers.length) return;
      answered += waiting.length;
      for (const go of waiting.splice(0)) go();
    });
    return serve();
  });
  const { root } = await pull(registry.reference);
  assert.equal(most, 4);
  for (const i of layers.keys()) assert.ok(at(root, `f${i}`));
});

test("a registry that asks to be left alone for a second is", async () => {
  await using layout = await TestLayout.make(layers.slice(0, 1));
  const asked: number[] = [];
  await using registry = await FaultRegistry.start(layout, (request, response, serve) => {
    if (request.url?.includes("/blobs/") !== true) return serve();
    asked.push(performance.now());
    return asked.length === 1 ? response.writeHead(429, { "retry-after": "1" }).end() : serve();
  });
  await pull(registry.reference);
  const [first = 0, second = 0] = asked;
  assert.ok(second - first >= 990, `asked again after ${second - first} ms`);
});

test("a mirror that has failed is not asked again in the same pull", async () => {
  await using layout = await TestLayout.make(layers);
  await using registry = await FaultRegistry.start(layout);
  await using broken = await FaultRegistry.start(undefined, (_, response) => response.writeHead(500).end());
  await pull(registry.reference, { mirrors: { [registry.host]: [`http://${broken.host}`] } });
  assert.equal(broken.requests.length, 1);
});

test("a mirror below a path, as a pull-through cache has it", async () => {
  await using layout = await TestLayout.make(layers.slice(0, 2));
  await using cache = await FaultRegistry.start(layout, (request, _, serve) => {
    request.url = request.url?.replace(/^\/hub\/v2\//, "/v2/") ?? "";
    return serve();
  });
  const { mirrors = {} } = registryAccess(
    configSchema.parse({ registries: { "registry.example": { mirrors: [`http://${cache.host}/hub`] } } }),
    parseReference("registry.example/test/image:1"),
    false,
  );
  await pull("registry.example/test/image:1", { mirrors });
  assert.ok(cache.requests.length > 0 && cache.requests.every(({ url }) => url.startsWith("/hub/v2/test/image/")));
});

test("a login that runs out during a push is renewed, and the layer sent again", async () => {
  let valid = "t0";
  let issued = 0;
  let uploads = 0;
  const fault: Fault = (request, response) => {
    request.resume();
    if (request.url?.startsWith("/token") === true) {
      issued += 1;
      valid = `t${issued}`;
      return response.end(JSON.stringify({ token: valid }));
    }
    if (request.headers.authorization !== `Bearer ${valid}`) {
      const challenge = `Bearer realm="http://${request.headers.host}/token",service="s"`;
      return response.writeHead(401, { "www-authenticate": challenge }).end();
    }
    if (request.method === "POST") {
      uploads += 1;
      // The token was good for the question, and is not for the answer to it.
      if (uploads === 1) valid = "gone";
      return response.writeHead(202, { location: "/upload/1" }).end();
    }
    request.on("end", () => {
      if (request.url?.includes("/upload/") === true) valid = "gone";
      response.writeHead(request.method === "PUT" ? 201 : 404).end();
    });
    return undefined;
  };
  await using registry = await FaultRegistry.start(undefined, fault);
  const reference = parseReference(registry.reference);
  assert.ok(reference.kind === "registry");
  const data = Buffer.from("a layer");
  const open = async function* (): AsyncGenerator<Buffer> {
    yield data;
  };
  const blobs = [{ descriptor: { mediaType: "x", digest: digestOf(data), size: data.length }, open }];
  const image = { manifest: Buffer.from("{}"), mediaType: "y", blobs };
  await pushImage(reference, image, { signal: new AbortController().signal, progress: noProgress }, hurried);
  assert.equal(uploads, 2, "the upload that was refused was begun anew");
  assert.equal(issued, 3, "for the first question, after the upload was refused, and for the manifest");
});

test("authorities of the configuration stand beside those in Docker's folder", async () => {
  const folder = await mkdtemp(join(tmpdir(), "banger-ca-"));
  try {
    await writeFile(join(folder, "own.pem"), "own");
    const config = configSchema.parse({ registries: { "lan:5000": { ca_file: join(folder, "own.pem") } } });
    const options = registryOptions(registryAccess(config, parseReference("lan:5000/a:1"), false));
    const access = { certificatesFolder: folder, authorityFiles: options.authorityFiles };
    assert.deepEqual(await privateAuthorities(access, "lan:5000"), ["own"]);
    assert.deepEqual(await privateAuthorities(access, "other:5000"), []);
    const gone = { ...access, authorityFiles: { "lan:5000": join(folder, "gone.pem") } };
    await expectCode(privateAuthorities(gone, "lan:5000"), "FILE_UNREADABLE", /gone\.pem/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  for (const mirror of ["mirror.example", "ftp://mirror.example", "https://user:pw@mirror.example", "https://m/?q"]) {
    assert.ok(!configSchema.safeParse({ registries: { "docker.io": { mirrors: [mirror] } } }).success, mirror);
  }
});
