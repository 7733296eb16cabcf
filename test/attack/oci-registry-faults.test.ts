import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BangerError } from "../../src/lib/errors.ts";
import { noProgress } from "../../src/lib/progress.ts";
import { FileTree } from "../../src/model/file-tree.ts";
import { BlobStore } from "../../src/oci/layers/blob-store.ts";
import type { Digest } from "../../src/oci/manifest/digest.ts";
import { importImage } from "../../src/oci/layers/import-image.ts";
import { parseReference } from "../../src/oci/source/reference.ts";
import type { RegistryOptions } from "../../src/oci/registry/registry-options.ts";
import { openImageSource } from "../../src/oci/open-source.ts";
import { resolveImage } from "../../src/oci/source/resolve-image.ts";
import { expectCode } from "../helpers/expect-code.ts";
import { FaultRegistry, type Fault } from "../helpers/fault-registry.ts";
import { MemorySink } from "../helpers/memory-sink.ts";
import { nodesOf, type DirectoryNode } from "../helpers/tree-nodes.ts";
import { TarBuilder } from "../helpers/tar-builder.ts";
import { at, sha256, TestLayout } from "../helpers/test-layout.ts";

const content = randomBytes(6 * 2 ** 20);
const layer = new TarBuilder().file("random", content).end();
const layerDigest = sha256(layer) as Digest;

/** Quick to give up, so that what never gets better is soon told. */
const hurried: Partial<RegistryOptions> = {
  retry: { attempts: 3, firstPauseMs: 5, maxPauseMs: 50 },
  pace: { stallMs: 300, minBytesPerSecond: 1024, graceMs: 400 },
  dockerConfigFolder: "/does/not/exist",
  env: {},
};

interface Pulled {
  readonly registry: FaultRegistry;
  readonly root: DirectoryNode;
  readonly sink: MemorySink;
}

async function pull(
  registry: FaultRegistry,
  store: BlobStore,
  options: Partial<RegistryOptions> = {},
  signal = new AbortController().signal,
): Promise<Pulled> {
  const all = { ...hurried, ...options };
  await using source = await openImageSource(parseReference(registry.reference), signal, all);
  const retry = all.retry ?? { attempts: 1, firstPauseMs: 0, maxPauseMs: 0 };
  const image = await resolveImage(source, { signal, retry });
  const sink = new MemorySink();
  using tree = new FileTree(tmpdir());
  await importImage(image, source, store, tree, sink, { signal, progress: noProgress, retry });
  return { registry, root: nodesOf(tree), sink };
}

/** Runs a test with a registry that has the fault, and a store of its own. */
async function withFault(
  fault: Fault,
  work: (registry: FaultRegistry, store: BlobStore) => Promise<void>,
): Promise<void> {
  await using layout = await TestLayout.make([layer]);
  await using registry = await FaultRegistry.start(layout, fault);
  const folder = await mkdtemp(join(tmpdir(), "banger-faults-"));
  try {
    await work(registry, new BlobStore(folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const isLayer = (request: IncomingMessage): boolean => request.url?.includes(layerDigest) === true;

/** Lets only so many bytes of each answer with the layer through, then cuts the connection. */
function cutAfter(bytes: number): Fault {
  return (request, response, serve) => {
    if (isLayer(request)) {
      const from = Number(/\d+/.exec(request.headers.range ?? "")?.[0] ?? 0);
      const status = from === 0 ? 200 : 206;
      const range = from === 0 ? {} : { "content-range": `bytes ${from}-${layer.length - 1}/${layer.length}` };
      response.writeHead(status, { "content-length": layer.length - from, ...range });
      const part = layer.subarray(from, from + bytes);
      response.write(part, () => (part.length < layer.length - from ? response.destroy() : response.end()));
      return undefined;
    }
    return serve();
  };
}

test("a connection that is cut again and again goes on from where it was", () =>
  withFault(cutAfter(2 ** 20 + 77), async (registry, store) => {
    // More cuts than attempts: each cut after real progress begins to count anew.
    const { root, sink } = await pull(registry, store, { retry: { attempts: 8, firstPauseMs: 1, maxPauseMs: 5 } });
    assert.ok(sink.contentOf(at(root, "random")).equals(content));
    const ranges = registry.blobRequests
      .filter(({ url }) => url.includes(layerDigest))
      .map(({ headers }) => headers.range);
    assert.deepEqual(ranges[0], undefined);
    assert.ok(
      ranges.length >= 6 && ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? "")),
      String(ranges),
    );
  }));

test("a pull that was interrupted resumes, and checks what it had", () =>
  withFault(cutAfter(4 * 2 ** 20), async (registry, store) => {
    const once = { retry: { attempts: 1, firstPauseMs: 1, maxPauseMs: 1 } };
    await expectCode(pull(registry, store, once), "REGISTRY_UNREACHABLE", /cut/);
    assert.ok(existsSync(store.partialPath(layerDigest)));
    assert.ok(!existsSync(store.path(layerDigest)));
    await pull(registry, store, once);
    assert.match(registry.blobRequests.at(-1)?.headers.range ?? "", /^bytes=4194304-$/);
    assert.ok(!existsSync(store.partialPath(layerDigest)));
  }));

test("a part that was damaged on disk is found, and the next pull begins anew", () =>
  withFault(
    (_, __, serve) => serve(),
    async (registry, store) => {
      await (await store.openPartial(layerDigest)).close();
      await writeFile(store.partialPath(layerDigest), Buffer.alloc(4096, 1));
      await expectCode(pull(registry, store), "DIGEST_MISMATCH");
      await pull(registry, store);
      const ranges = registry.blobRequests
        .filter(({ url }) => url.includes(layerDigest))
        .map(({ headers }) => headers.range);
      assert.deepEqual(ranges, ["bytes=4096-", undefined]);
    },
  ));

test("a part that is longer than the blob", () =>
  withFault(
    (_, __, serve) => serve(),
    async (registry, store) => {
      await (await store.openPartial(layerDigest)).close();
      await writeFile(store.partialPath(layerDigest), Buffer.concat([layer, Buffer.from("more")]));
      const { root, sink } = await pull(registry, store);
      assert.ok(sink.contentOf(at(root, "random")).equals(content));
    },
  ));

test("a server that knows no ranges is read from the start", () => {
  let first = true;
  const fault: Fault = (request, response, serve) => {
    if (!isLayer(request)) return serve();
    response.writeHead(200, { "content-length": layer.length });
    if (first) response.write(layer.subarray(0, 2 ** 20), () => response.destroy());
    else response.end(layer);
    first = false;
    return undefined;
  };
  return withFault(fault, async (registry, store) => {
    const { root, sink } = await pull(registry, store);
    assert.ok(sink.contentOf(at(root, "random")).equals(content));
  });
});

test("an answer with another part than was asked for", () => {
  const fault: Fault = (request, response, serve) => {
    if (!isLayer(request)) return serve();
    if (request.headers.range === undefined) {
      response.writeHead(200, { "content-length": layer.length });
      response.write(layer.subarray(0, 2 ** 20), () => response.destroy());
      return undefined;
    }
    response.writeHead(206, { "content-range": `bytes 0-${layer.length - 1}/${layer.length}` });
    response.end(layer);
    return undefined;
  };
  return withFault(fault, async (registry, store) => {
    await expectCode(pull(registry, store), "REGISTRY_FAILED", /another part/);
  });
});

test("a server that stalls, before its answer and within it", async () => {
  for (const fault of [
    (request: IncomingMessage, _: ServerResponse, serve: () => Promise<void>) =>
      isLayer(request) ? undefined : serve(),
    (request: IncomingMessage, response: ServerResponse, serve: () => Promise<void>) => {
      if (!isLayer(request)) return serve();
      response.writeHead(200, { "content-length": layer.length });
      response.write(layer.subarray(0, 1000));
      return undefined;
    },
  ] satisfies Fault[]) {
    await withFault(fault, async (registry, store) => {
      await expectCode(pull(registry, store), "REGISTRY_UNREACHABLE", /nothing came for 0\.3 s/);
    });
  }
});

test("a server that sends a byte now and then", () => {
  const fault: Fault = (request, response, serve) => {
    if (!isLayer(request)) return serve();
    response.writeHead(200, { "content-length": layer.length });
    const timer = setInterval(() => response.write("x"), 50);
    response.on("close", () => clearInterval(timer));
    return undefined;
  };
  return withFault(fault, async (registry, store) => {
    await expectCode(pull(registry, store), "REGISTRY_UNREACHABLE", /only \d+ bytes came/);
  });
});

test("a server whose blob never ends", () => {
  const fault: Fault = (request, response, serve) => {
    if (!isLayer(request)) return serve();
    response.writeHead(200);
    const chunk = Buffer.alloc(2 ** 20);
    const more = (): void => {
      if (response.destroyed) return;
      response.write(chunk, more);
    };
    more();
    return undefined;
  };
  return withFault(fault, async (registry, store) => {
    await expectCode(pull(registry, store), "SIZE_MISMATCH", /more than/);
    assert.ok(!existsSync(store.path(layerDigest)));
  });
});

test("a manifest that never ends", () => {
  const fault: Fault = (request, response, serve) => {
    if (request.url?.includes("/manifests/") !== true) return serve();
    response.writeHead(200, { "content-type": "application/vnd.oci.image.manifest.v1+json" });
    const more = (): void => {
      if (!response.destroyed) response.write(Buffer.alloc(2 ** 20, " "), more);
    };
    more();
    return undefined;
  };
  return withFault(fault, async (registry, store) => {
    await expectCode(pull(registry, store), "REGISTRY_FAILED", /too large/);
  });
});

test("a config that says it is small, and goes on for a GiB", () => {
  let sent = 0;
  const fault: Fault = (request, response, serve) => {
    if (request.url?.includes("/blobs/") !== true || isLayer(request)) return serve();
    response.writeHead(200);
    const more = (): void => {
      if (response.destroyed || sent >= 2 ** 30) return;
      sent += 2 ** 20;
      response.write(Buffer.alloc(2 ** 20, " "), more);
    };
    more();
    return undefined;
  };
  return withFault(fault, async (registry, store) => {
    await expectCode(pull(registry, store), "SIZE_MISMATCH");
    assert.ok(sent < 64 * 2 ** 20, `${sent} bytes were taken`);
  });
});

test("a blob of another length, or with another content", async () => {
  const lengths: Fault = (request, response, serve) =>
    isLayer(request) ? response.writeHead(200, { "content-length": 99 }).end("x".repeat(99)) : serve();
  await withFault(lengths, async (registry, store) => {
    await expectCode(pull(registry, store), "SIZE_MISMATCH");
  });
  const contents: Fault = (request, response, serve) =>
    isLayer(request) ? response.writeHead(200).end(Buffer.alloc(layer.length)) : serve();
  await withFault(contents, async (registry, store) => {
    await expectCode(pull(registry, store), "DIGEST_MISMATCH");
    assert.ok(!existsSync(store.path(layerDigest)) && !existsSync(store.partialPath(layerDigest)));
  });
});

test("a manifest that is not what its digest says", () => {
  const fault: Fault = (request, response, serve) =>
    request.url?.includes("/manifests/") === true
      ? response
          .writeHead(200, {
            "docker-content-digest": `sha256:${"0".repeat(64)}`,
            "content-type": "application/vnd.oci.image.manifest.v1+json",
          })
          .end("{}")
      : serve();
  return withFault(fault, async (registry, store) => {
    await expectCode(pull(registry, store), "DIGEST_MISMATCH");
  });
});

test("a registry that is busy is asked again when it says so", async () => {
  for (const [status, header] of [
    [429, "0"],
    [503, new Date(Date.now() - 1000).toUTCString()],
    [500, undefined],
    [502, "nonsense"],
  ] as const) {
    let refused = 0;
    const fault: Fault = (_, response, serve) => {
      if (refused >= 2) return serve();
      refused += 1;
      return response.writeHead(status, header === undefined ? {} : { "retry-after": header }).end();
    };
    await withFault(fault, async (registry, store) => {
      await pull(registry, store);
      assert.equal(refused, 2);
    });
  }
});

test("a registry that stays busy is given up, and Retry-After is bounded", () => {
  const fault: Fault = (_, response) => response.writeHead(429, { "retry-after": "999999" }).end();
  return withFault(fault, async (registry, store) => {
    const began = performance.now();
    await expectCode(pull(registry, store), "REGISTRY_FAILED", /429/);
    assert.ok(performance.now() - began < 2000);
  });
});

test("what does not exist, and what is denied, is not asked for again", async () => {
  for (const [status, code] of [
    [404, "MANIFEST_NOT_FOUND"],
    [401, "REGISTRY_DENIED"],
    [403, "REGISTRY_DENIED"],
    [400, "REGISTRY_FAILED"],
  ] as const) {
    const fault: Fault = (request, response, serve) =>
      request.url === "/v2/" ? serve() : response.writeHead(status).end();
    await withFault(fault, async (registry, store) => {
      await expectCode(pull(registry, store), code);
      assert.equal(registry.requests.filter(({ url }) => url.includes("manifests")).length, 1);
    });
  }
});

test("a registry that nobody runs", async () => {
  const registry = await FaultRegistry.start(undefined);
  await registry[Symbol.asyncDispose]();
  await expectCode(pull(registry, new BlobStore("/does/not/exist")), "REGISTRY_UNREACHABLE", /ECONNREFUSED/);
});

/** A docker config folder with a password for a registry. */
async function withLogin(
  config: (host: string) => object,
  registry: FaultRegistry,
  work: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "banger-docker-"));
  try {
    await writeFile(join(folder, "config.json"), JSON.stringify(config(registry.host)));
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const login = (host: string): object => ({
  auths: { [host]: { auth: Buffer.from("user:pass:word").toString("base64") } },
});
const basic = `Basic ${Buffer.from("user:pass:word").toString("base64")}`;

test("basic login, with what docker login left", () => {
  const fault: Fault = (request, response, serve) =>
    request.headers.authorization === basic
      ? serve()
      : response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
  return withFault(fault, (registry, store) =>
    withLogin(login, registry, async (dockerConfigFolder) => {
      await pull(registry, store, { dockerConfigFolder });
      await expectCode(pull(registry, store), "REGISTRY_DENIED");
    }),
  );
});

test("token login: realm, service and scope as the registry asks for", () => {
  const fault: Fault = (request, response, serve) => {
    const url = new URL(request.url ?? "", `http://${request.headers.host}`);
    if (url.pathname === "/token") {
      assert.deepEqual(
        [url.searchParams.get("service"), url.searchParams.get("scope")],
        ["my, service", "repository:test/image:pull"],
      );
      return request.headers.authorization === basic
        ? response.end(JSON.stringify({ token: "secret-token" }))
        : response.writeHead(401).end();
    }
    if (request.headers.authorization === "Bearer secret-token") return serve();
    const challenge = `Bearer realm="http://${request.headers.host}/token",service="my, service",scope="repository:test/image:pull"`;
    return response.writeHead(401, { "www-authenticate": challenge }).end();
  };
  return withFault(fault, (registry, store) =>
    withLogin(login, registry, async (dockerConfigFolder) => {
      await pull(registry, store, { dockerConfigFolder });
      assert.equal(registry.requests.filter(({ url }) => url.startsWith("/token")).length, 1);
      await expectCode(pull(registry, store), "REGISTRY_DENIED", /no token|gives no token/);
    }),
  );
});

test("credentials from a helper, which gets the registry's name on stdin", () => {
  const fault: Fault = (request, response, serve) =>
    request.headers.authorization === basic ? serve() : response.writeHead(401, { "www-authenticate": "Basic" }).end();
  return withFault(fault, (registry, store) =>
    withLogin(
      (host) => ({ credHelpers: { [host]: "banger-test" } }),
      registry,
      async (dockerConfigFolder) => {
        const helper = join(dockerConfigFolder, "docker-credential-banger-test");
        const answer = JSON.stringify({ ServerURL: registry.host, Username: "user", Secret: "pass:word" });
        await writeFile(helper, `#!/bin/sh\nread -r host\n[ "$host" = "${registry.host}" ] && echo '${answer}'\n`);
        await chmod(helper, 0o755);
        const path = process.env["PATH"] ?? "";
        process.env["PATH"] = `${dockerConfigFolder}:${path}`;
        try {
          await pull(registry, store, { dockerConfigFolder });
        } finally {
          process.env["PATH"] = path;
        }
      },
    ),
  );
});

test("a redirect to another host takes no credentials along", async () => {
  await using layout = await TestLayout.make([layer]);
  await using blobs = await FaultRegistry.start(layout);
  const fault: Fault = (request, response, serve) => {
    if (request.headers.authorization !== basic) return response.writeHead(401, { "www-authenticate": "Basic" }).end();
    return isLayer(request)
      ? response.writeHead(307, { location: `http://${blobs.host}${request.url}` }).end()
      : serve();
  };
  await withFault(fault, (registry, store) =>
    withLogin(login, registry, async (dockerConfigFolder) => {
      await pull(registry, store, { dockerConfigFolder });
      assert.equal(blobs.requests.length, 1);
      assert.equal(blobs.requests[0]?.headers.authorization, undefined);
      assert.equal(blobs.requests[0]?.headers["accept-encoding"], "identity");
    }),
  );
});

test("redirects that must not be followed", async () => {
  for (const [location, says] of [
    ["http://169.254.169.254/latest/meta-data", /link-local/],
    ["http://[fe80::1]/x", /link-local/],
    ["http://[::ffff:169.254.169.254]/x", /link-local/],
    ["http://2852039166/x", /link-local/],
    ["file:///etc/passwd", /http and https only/],
    ["http://user:pass@127.0.0.1/x", /credentials/],
    ["http://[", /no URL/],
  ] as const) {
    const fault: Fault = (request, response, serve) =>
      isLayer(request) ? response.writeHead(302, { location }).end() : serve();
    await withFault(fault, async (registry, store) => {
      await expectCode(pull(registry, store), "REGISTRY_FAILED", says);
    });
  }
  const circle: Fault = (request, response, serve) =>
    isLayer(request) ? response.writeHead(302, { location: request.url }).end() : serve();
  await withFault(circle, async (registry, store) => {
    await expectCode(pull(registry, store), "REGISTRY_FAILED", /more than 5 times/);
  });
});

test("a realm that is no place to send credentials to", async () => {
  for (const realm of ["ftp://127.0.0.1/", "http://169.254.169.254/token", "nonsense"]) {
    const fault: Fault = (_, response) =>
      response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}"` }).end();
    await withFault(fault, async (registry, store) => {
      await expectCode(pull(registry, store), "REGISTRY_FAILED", /token|link-local/);
    });
  }
});

test("a mirror is asked first, and the registry where the mirror fails", async () => {
  await using layout = await TestLayout.make([layer]);
  await using good = await FaultRegistry.start(layout);
  await using broken = await FaultRegistry.start(layout, (_, response) => response.writeHead(500).end());
  await using empty = await FaultRegistry.start(undefined);
  await withFault(
    (_, __, serve) => serve(),
    async (registry, store) => {
      const mirrored = (...mirrors: FaultRegistry[]): Partial<RegistryOptions> => ({
        mirrors: { [registry.host]: mirrors.map(({ host }) => `http://${host}`) },
      });
      await pull(registry, store, mirrored(good));
      assert.equal(registry.requests.length, 0);
      await store.delete(layerDigest);
      await pull(registry, store, mirrored(broken, empty));
      assert.ok(broken.requests.length > 0 && empty.requests.length > 0 && registry.blobRequests.length > 0);
    },
  );
});

test("an abort ends a pull at once, whatever it waits for", async () => {
  const fault: Fault = (request, response, serve) => {
    if (!isLayer(request)) return serve();
    response.writeHead(200, { "content-length": layer.length });
    response.write(layer.subarray(0, 2 ** 20));
    return undefined;
  };
  await withFault(fault, async (registry, store) => {
    const stop = new AbortController();
    const slow = { pace: { stallMs: 60_000, minBytesPerSecond: 1, graceMs: 60_000 } };
    const pulling = pull(registry, store, slow, stop.signal);
    setTimeout(() => stop.abort(), 300);
    const began = performance.now();
    await assert.rejects(
      pulling,
      (error: unknown) => error instanceof Error && !(error instanceof BangerError && error.code !== "CANCELLED"),
    );
    assert.ok(performance.now() - began < 2000);
    assert.ok(!existsSync(store.path(layerDigest)));
  });
});
