import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../src/lib/process.ts";
import { noProgress } from "../../src/lib/progress.ts";
import { checkWritable } from "../../src/oci/push/archive-place.ts";
import { exportArchive } from "../../src/oci/push/export-archive.ts";
import { openImageSource } from "../../src/oci/open-source.ts";
import { checkPush, pushImage, type OutgoingImage } from "../../src/oci/push/push-image.ts";
import { parseReference, type RegistryReference } from "../../src/oci/source/reference.ts";
import type { RegistryOptions } from "../../src/oci/registry/registry-options.ts";
import { resolveImage } from "../../src/oci/source/resolve-image.ts";
import { expectCode } from "../helpers/expect-code.ts";
import { FaultRegistry, type Fault } from "../helpers/fault-registry.ts";
import { TarBuilder } from "../helpers/tar-builder.ts";
import { at, importReference, TestLayout } from "../helpers/test-layout.ts";
import { TestRegistry } from "../helpers/test-registry.ts";

const signal = new AbortController().signal;
const operation = { signal, progress: noProgress };
const layers = [
  { tar: new TarBuilder().file("a", "x".repeat(2_000_000)).end(), compression: "gzip" as const },
  { tar: new TarBuilder().file("b", "y").end(), compression: "zstd" as const },
];
const hurried: Partial<RegistryOptions> = {
  env: {},
  dockerConfigFolder: "/does/not/exist",
  retry: { attempts: 3, firstPauseMs: 1, maxPauseMs: 5 },
  pace: { stallMs: 500, minBytesPerSecond: 1, graceMs: 1000 },
};

/** A layout's image as something to send. */
async function outgoing(layout: TestLayout): Promise<OutgoingImage> {
  const source = await openImageSource(parseReference(layout.reference), signal);
  const image = await resolveImage(source, { signal });
  const descriptors = [image.configDescriptor, ...image.layers.map(({ descriptor }) => descriptor)];
  const blobs = descriptors.map((descriptor) => ({ descriptor, open: () => source.openBlob(descriptor, 0, signal) }));
  return { manifest: image.manifestData, mediaType: image.manifestMediaType ?? "", blobs };
}

const to = (text: string): RegistryReference => {
  const reference = parseReference(text);
  assert.ok(reference.kind === "registry");
  return reference;
};

test("what was pushed is what skopeo and we pull, and a second push sends nothing", async () => {
  await using registry = await TestRegistry.start();
  await using layout = await TestLayout.make(layers);
  const image = await outgoing(layout);
  const reference = to(registry.ref("team/app:1"));
  const first = await pushImage(reference, image, operation);
  assert.deepEqual(
    first.blobs.map(({ reused }) => reused),
    [false, false, false],
  );
  const second = await pushImage(to(registry.ref("team/app:2")), image, operation);
  assert.deepEqual(
    second.blobs.map(({ reused }) => reused),
    [true, true, true],
  );
  assert.equal(second.digest, first.digest);

  const pulled = await importReference(reference);
  assert.equal(pulled.image.digest, first.digest);
  assert.ok(at(pulled.root, "a") && at(pulled.root, "b"));
  const inspect = [
    "inspect",
    "--tls-verify=false",
    `docker://${registry.ref("team/app:2")}`,
    "--format",
    "{{.Digest}}",
  ];
  assert.equal((await run("skopeo", inspect)).stdout.trim(), first.digest);
});

test("an archive that skopeo and we read, the same bytes each time", async () => {
  await using layout = await TestLayout.make(layers);
  const image = await outgoing(layout);
  const folder = await mkdtemp(join(tmpdir(), "banger-export-"));
  try {
    const path = join(folder, "image.tar");
    const digest = await exportArchive(path, image, "1.0", operation);
    const { image: read, root } = await importReference(parseReference(`oci-archive:${path}:1.0`));
    assert.equal(read.digest, digest);
    assert.ok(at(root, "b"));
    const { stdout } = await run("skopeo", ["inspect", `oci-archive:${path}:1.0`, "--format", "{{.Digest}}"]);
    assert.equal(stdout.trim(), digest);
    await exportArchive(join(folder, "again.tar"), image, "1.0", operation);
    assert.ok((await readFile(path)).equals(await readFile(join(folder, "again.tar"))));

    const lying = image.blobs.map((blob, i) => (i === 1 ? { ...blob, open: image.blobs[2]?.open ?? blob.open } : blob));
    await expectCode(
      exportArchive(join(folder, "bad.tar"), { ...image, blobs: lying }, "x", operation),
      "SIZE_MISMATCH",
    );
    assert.deepEqual((await readdir(folder)).sort(), ["again.tar", "image.tar"]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  assert.ok(!existsSync(folder));
});

test("an archive takes the place of a file, also behind a link, and of nothing else", async () => {
  await using layout = await TestLayout.make(layers);
  const image = await outgoing(layout);
  const folder = await mkdtemp(join(tmpdir(), "banger-export-"));
  const path = (name: string): string => join(folder, name);
  const write = (name: string): Promise<unknown> => exportArchive(path(name), image, "x", operation);
  try {
    await writeFile(path("file"), "old");
    await symlink("file", path("link"));
    await symlink("absent", path("dangling"));
    await mkdir(path("folder"));
    await run("mkfifo", [path("fifo")]);
    await using socket = createServer();
    await once(socket.listen(path("socket")), "listening");
    await write("link");
    assert.ok((await lstat(path("link"))).isSymbolicLink());
    assert.ok((await stat(path("file"))).size > 1000);
    const others = ["dangling", "folder", "fifo", "socket"];
    const kinds = (): Promise<number[]> => Promise.all(others.map(async (name) => (await lstat(path(name))).mode));
    const before = await kinds();
    for (const name of others) {
      await expectCode(write(name), "FILE_UNREADABLE", /cannot be written/);
      await expectCode(checkWritable(path(name)), "FILE_UNREADABLE", /cannot be written/);
    }
    await symlink("fifo", path("to-fifo"));
    await expectCode(write("to-fifo"), "FILE_UNREADABLE", /a FIFO/);
    await expectCode(checkWritable("/dev/full"), "FILE_UNREADABLE", /a device/);
    assert.deepEqual(await kinds(), before);
    assert.deepEqual((await readdir(folder)).sort(), [...others, "file", "link", "to-fifo"].sort());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("whether a push is allowed is asked before anything is sent", async () => {
  const seen: string[] = [];
  const answer: Fault = (request, response) => {
    seen.push(`${request.method} ${request.url}`);
    if (request.method === "POST") response.writeHead(202, { location: "/upload/1?state=x" }).end();
    else response.writeHead(404).end();
  };
  await using open = await FaultRegistry.start(undefined, answer);
  await checkPush(to(open.reference), operation, hurried);
  // The upload that was begun is given up again, and a registry that knows no such request is none the worse.
  assert.deepEqual(seen.slice(-2), ["POST /v2/test/image/blobs/uploads/", "DELETE /upload/1?state=x"]);

  await using closed = await FaultRegistry.start(undefined, (_, response) => response.writeHead(403).end());
  await expectCode(checkPush(to(closed.reference), operation, hurried), "REGISTRY_DENIED");
  await expectCode(
    checkPush(to(`${open.host}/a@sha256:${"0".repeat(64)}`), operation, hurried),
    "REFERENCE_INVALID",
    /pushed to a tag/,
  );
});

test("faults while pushing", async () => {
  await using layout = await TestLayout.make(layers);
  const image = await outgoing(layout);
  const push = async (fault: Fault): Promise<FaultRegistry> => {
    const registry = await FaultRegistry.start(undefined, fault);
    try {
      await pushImage(to(registry.reference), image, operation, hurried);
      return registry;
    } finally {
      await registry[Symbol.asyncDispose]();
    }
  };
  const accept: Fault = (request, response) => {
    request.resume();
    request.on("end", () => {
      if (request.method === "POST") response.writeHead(202, { location: "/upload/1?state=x" }).end();
      else response.writeHead(request.method === "PUT" ? 201 : 404).end();
    });
  };
  await push(accept);
  const refusing: Fault = (request, response, serve) =>
    request.method === "POST" ? response.writeHead(403).end() : serve();
  await expectCode(push(refusing), "REGISTRY_DENIED");
  await expectCode(
    push((request, response, serve) => (request.method === "POST" ? response.writeHead(202).end() : serve())),
    "REGISTRY_FAILED",
    /where to upload/,
  );
  const astray: Fault = (request, response, serve) =>
    request.method === "POST" ? response.writeHead(202, { location: "http://169.254.169.254/" }).end() : serve();
  await expectCode(push(astray), "REGISTRY_FAILED", /link-local/);
  const silent: Fault = (request, response) =>
    request.method === "PUT" ? request.resume() : accept(request, response, async () => {});
  await expectCode(push(silent), "REGISTRY_UNREACHABLE", /nothing came/);
  let dropped = 0;
  const flaky: Fault = (request, response) => {
    if (request.method !== "PUT" || dropped >= 2) return accept(request, response, async () => {});
    dropped += 1;
    return request.destroy();
  };
  await push(flaky);
  assert.equal(dropped, 2);
  await expectCode(
    pushImage(to(`127.0.0.1:1/a@${image.blobs[0]?.descriptor.digest}`), image, operation),
    "REFERENCE_INVALID",
  );
});

test("pushing with a login: the token is for push, and the upload's host gets it only if it is the registry's", async () => {
  await using layout = await TestLayout.make(layers);
  const image = await outgoing(layout);
  const elsewhere: Fault = (request, response) => {
    request.resume();
    request.on("end", () => response.writeHead(201).end());
  };
  await using uploads = await FaultRegistry.start(undefined, elsewhere);
  const scopes: (string | null)[] = [];
  const fault: Fault = (request, response) => {
    const url = new URL(request.url ?? "", `http://${request.headers.host}`);
    request.resume();
    if (url.pathname === "/token") {
      scopes.push(url.searchParams.get("scope"));
      return response.end(JSON.stringify({ access_token: "push-token" }));
    }
    if (request.headers.authorization !== "Bearer push-token") {
      const challenge = `Bearer realm="http://${request.headers.host}/token",service="s"`;
      return response.writeHead(401, { "www-authenticate": challenge }).end();
    }
    if (request.method === "POST") return response.writeHead(202, { location: `http://${uploads.host}/up` }).end();
    request.on("end", () => response.writeHead(request.method === "PUT" ? 201 : 404).end());
    return undefined;
  };
  await using registry = await FaultRegistry.start(undefined, fault);
  await pushImage(to(registry.reference), image, operation, hurried);
  assert.deepEqual(scopes, ["repository:test/image:pull,push"]);
  assert.equal(uploads.requests.length, 3);
  for (const { headers } of uploads.requests) assert.equal(headers.authorization, undefined);
});
