import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { createServer, request as forward, type Server } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { run } from "../../src/lib/process.ts";
import { parseReference } from "../../src/oci/source/reference.ts";
import type { RegistryOptions } from "../../src/oci/registry/registry-options.ts";
import { expectCode } from "../helpers/expect-code.ts";
import { FaultRegistry, type Fault } from "../helpers/fault-registry.ts";
import { TestAuthority } from "../helpers/test-authority.ts";
import { TarBuilder } from "../helpers/tar-builder.ts";
import { importReference, TestLayout, type TestImport } from "../helpers/test-layout.ts";

const ROOT = join(import.meta.dirname, "../..");
let authority: TestAuthority;
let tls: TestAuthority["tls"];
const layer = new TarBuilder().file("f", "content").end();

before(async () => {
  authority = await TestAuthority.make();
  tls = authority.tls;
});
after(() => authority[Symbol.asyncDispose]());

function pull(reference: string, options: Partial<RegistryOptions>): Promise<TestImport> {
  const retry = { attempts: 1, firstPauseMs: 1, maxPauseMs: 1 };
  const registry = {
    env: {},
    dockerConfigFolder: "/does/not/exist",
    certificatesFolder: "/does/not/exist",
    retry,
    ...options,
  };
  return importReference(parseReference(reference), { registry, retry });
}

async function trusting(host: string): Promise<Partial<RegistryOptions>> {
  return { certificatesFolder: await authority.trustedFor(host) };
}

/** An HTTP proxy that leads every name to one server, and notes what it was asked for. */
class TestProxy implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async start(target: string): Promise<TestProxy> {
    const server = createServer();
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", resolve);
    await promise;
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("no port");
    const proxy = new TestProxy(server, `http://127.0.0.1:${address.port}`);
    const [hostname = "", port = ""] = target.split(":");
    server.on("request", (incoming, outgoing) => {
      proxy.asked.push(`${incoming.method} ${incoming.url}`);
      const { pathname, search } = new URL(incoming.url ?? "");
      const onward = forward({
        hostname,
        port,
        path: pathname + search,
        method: incoming.method,
        headers: incoming.headers,
      });
      onward.on("response", (response) => {
        outgoing.writeHead(response.statusCode ?? 500, response.headers);
        response.pipe(outgoing);
      });
      onward.end();
    });
    server.on("connect", (incoming, socket) => {
      proxy.asked.push(`CONNECT ${incoming.url}`);
      const onward = connect(Number(port), hostname, () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        socket.pipe(onward).pipe(socket);
      });
      socket.on("error", () => onward.destroy());
      onward.on("error", () => socket.destroy());
    });
    return proxy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

test("https with a private authority; without it the certificate is refused, and plain http is no way out", async () => {
  await using layout = await TestLayout.make([layer]);
  await using registry = await FaultRegistry.start(layout, undefined, tls);
  await pull(registry.reference, await trusting(registry.host));
  await expectCode(pull(registry.reference, {}), "REGISTRY_UNREACHABLE", /certificate .* is not trusted/);
});

test("an authority of the host's own store", async () => {
  await using layout = await TestLayout.make([layer]);
  await using registry = await FaultRegistry.start(layout, undefined, tls);
  const program = `
    import { openImageSource } from "${ROOT}/src/oci/open-source.ts";
    import { parseReference } from "${ROOT}/src/oci/source/reference.ts";
    import { resolveImage } from "${ROOT}/src/oci/source/resolve-image.ts";
    const signal = new AbortController().signal;
    const retry = { attempts: 1, firstPauseMs: 1, maxPauseMs: 1 };
    await using source = await openImageSource(parseReference("${registry.reference}"), signal, { env: {}, retry });
    process.stdout.write((await resolveImage(source, { signal, retry })).digest);`;
  const args = ["--input-type=module-typescript", "-e", program];
  const empty = await mkdtemp(join(authority.folder, "empty-"));
  const trusting = { SSL_CERT_FILE: authority.certificate, SSL_CERT_DIR: empty };
  assert.match((await run(process.execPath, args, { env: trusting })).stdout, /^sha256:/);
  const doubting = { SSL_CERT_FILE: "/dev/null", SSL_CERT_DIR: empty };
  await assert.rejects(run(process.execPath, args, { env: doubting }), (error: Error) =>
    String(error.cause).includes("is not trusted"),
  );
});

test("a proxy for https and for http, and hosts that need none", async () => {
  await using layout = await TestLayout.make([layer]);
  await using secure = await FaultRegistry.start(layout, undefined, tls);
  await using tunnel = await TestProxy.start(secure.host);
  await pull("registry.test/test/image:1", { ...(await trusting("registry.test")), env: { HTTPS_PROXY: tunnel.url } });
  assert.deepEqual([...new Set(tunnel.asked)], ["CONNECT registry.test:443"]);

  await using plain = await FaultRegistry.start(layout);
  await using proxy = await TestProxy.start(plain.host);
  const insecure = { insecure: ["registry.test:81"], env: { http_proxy: proxy.url } };
  await pull("registry.test:81/test/image:1", insecure);
  assert.ok(
    proxy.asked.length > 0 && proxy.asked.every((asked) => asked.startsWith("GET http://registry.test:81/v2/")),
    String(proxy.asked),
  );

  const before = proxy.asked.length;
  await pull(plain.reference, { env: { HTTP_PROXY: proxy.url } });
  assert.equal(proxy.asked.length, before, "loopback hosts are reached directly");
  const excepted = { insecure: ["registry.test:81"], env: { HTTP_PROXY: proxy.url, NO_PROXY: "registry.test" } };
  await expectCode(pull("registry.test:81/test/image:1", excepted), "REGISTRY_UNREACHABLE", /registry\.test/);
  assert.equal(proxy.asked.length, before);
});

test("plain http only where it was asked for", async () => {
  await using layout = await TestLayout.make([layer]);
  await using plain = await FaultRegistry.start(layout);
  await using proxy = await TestProxy.start(plain.host);
  const env = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url };
  await expectCode(pull("registry.test:81/test/image:1", { env }), "REGISTRY_UNREACHABLE");
  assert.deepEqual(proxy.asked, ["CONNECT registry.test:81"]);
});

test("a redirect from https to http, or to this machine, is refused", async () => {
  await using layout = await TestLayout.make([layer]);
  for (const [location, says] of [
    ["http://registry.test/blob", /may not leave https/],
    ["https://127.0.0.1/blob", /may not lead to this machine/],
    ["https://localhost:1/blob", /may not lead to this machine/],
  ] as const) {
    const fault: Fault = (request, response, serve) =>
      request.url?.includes("/blobs/") === true ? response.writeHead(302, { location }).end() : serve();
    await using secure = await FaultRegistry.start(layout, fault, tls);
    await using tunnel = await TestProxy.start(secure.host);
    const options = { ...(await trusting("registry.test")), env: { HTTPS_PROXY: tunnel.url } };
    await expectCode(pull("registry.test/test/image:1", options), "REGISTRY_FAILED", says);
  }
});
