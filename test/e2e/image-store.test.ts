import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, suite, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { run } from "../../src/lib/process.ts";
import { layoutFrom } from "../../src/model/layout.ts";
import type { SentImage } from "../../src/model/artefact.ts";
import type { Image } from "../../src/model/image.ts";
import { buildKernel } from "../helpers/elf-builder.ts";
import { SlowRegistry } from "../helpers/slow-registry.ts";
import { TarBuilder } from "../helpers/tar-builder.ts";
import { TestAuthority } from "../helpers/test-authority.ts";
import { TestHost } from "../helpers/test-host.ts";
import { TestLayout } from "../helpers/test-layout.ts";
import { TestRegistry } from "../helpers/test-registry.ts";

const MIB = 2 ** 20;
/** Random, so that it does not pack: 12 MiB that come in one layer. */
const base = new TarBuilder()
  .dir("data")
  .file("data/random", randomBytes(12 * MIB))
  .end();
const one = new TarBuilder().file("etc/one", "one").end();
const two = new TarBuilder().file("etc/two", "two").end();

/** What is kept of images, whatever happens in the middle of a pull; with a real registry. */
suite("the store of images", { timeout: 600_000 }, () => {
  let registry: TestRegistry;
  let door: SlowRegistry;
  const ref = (name: string): string => `${door.host}/${name}`;

  before(async () => {
    registry = await TestRegistry.start();
    door = await SlowRegistry.start(registry);
    await using first = await TestLayout.make([
      { tar: base, compression: "zstd" },
      { tar: one, compression: "gzip" },
    ]);
    await using second = await TestLayout.make([
      { tar: base, compression: "zstd" },
      { tar: two, compression: "gzip" },
    ]);
    await registry.push(first.reference, "store/one:1");
    await registry.push(second.reference, "store/two:1");
  });

  after(async () => {
    await door[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  });

  /** A host with a kernel, which no VM will boot. */
  async function freshHost(env: Readonly<Record<string, string>> = {}): Promise<TestHost> {
    const host = await TestHost.start(env);
    await writeFile(join(host.folder, "vmlinux"), buildKernel("6.1.0-test", { pvh: true }));
    await host.ok(["kernel", "import", "tiny", "--vmlinux", "vmlinux"]);
    return host;
  }

  const pull = (name: string, as: string): string[] => {
    return ["image", "pull", ref(name), "--name", as, "--kernel-ref", "tiny", "--progress", "lines"];
  };

  /** Blobs in the store, by the first digits of their digests, whole and in part. */
  async function blobs(host: TestHost): Promise<readonly string[]> {
    const folder = join(host.folder, ".local/share/banger/blobs/sha256");
    const names: string[] = await readdir(folder).catch(() => []);
    return names.sort();
  }

  /** The small layer is fetched beside the large one, and may come after the part of it that the door lets pass. */
  async function restIsHere(host: TestHost): Promise<void> {
    while ((await blobs(host)).filter((name) => !name.endsWith(".partial")).length < 1) await setTimeout(20);
  }

  async function nothingCounts(host: TestHost): Promise<void> {
    assert.deepEqual(await host.json<Image[]>(["image", "list"]), []);
    assert.deepEqual(await host.files(".local/share/banger/work"), []);
    assert.deepEqual(await host.files(".local/share/banger/images"), []);
    const parts = (await blobs(host)).filter((name) => name.endsWith(".partial"));
    assert.equal(parts.length, 1, "the layer that was on its way");
    for (const name of (await blobs(host)).filter((other) => !parts.includes(other))) {
      const content = await readFile(join(host.folder, ".local/share/banger/blobs/sha256", name));
      assert.equal(createHash("sha256").update(content).digest("hex"), name, "what came whole is what it should be");
    }
  }

  async function isGood(host: TestHost, name: string): Promise<void> {
    const { rootfs } = await host.json<Image>(["image", "inspect", name]);
    await run("e2fsck", ["-fn", rootfs.path]);
    const content = await host.banger(["image", "cat", name, "/data/random"]);
    assert.ok(content.stdout.equals(base.subarray(1024, 1024 + 12 * MIB)), "its content is another");
  }

  test("a second image fetches only what it does not share, and says so; what nobody holds is dropped", async () => {
    await using host = await freshHost();
    door.takeBlobRequests();
    await host.ok(pull("store/one:1", "one"));
    assert.equal(door.takeBlobRequests().length, 3, "two layers and a config");
    const second = await host.banger(pull("store/two:1", "two"));
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stderr, /layer [0-9a-f]{12}: already here/);
    assert.match(second.stderr, /2 layers \(1 here already\)/);
    assert.equal(door.takeBlobRequests().length, 2, "one layer and a config");
    assert.equal((await blobs(host)).length, 3);

    await host.ok(["image", "delete", "one"]);
    assert.equal((await blobs(host)).length, 2, "the shared one stays");
    await isGood(host, "two");
    await host.ok(["image", "delete", "two"]);
    assert.deepEqual(await blobs(host), []);
    assert.deepEqual(await host.files(".local/share/banger/images"), []);
  });

  test("a pull that is interrupted leaves nothing that counts, and goes on from where it was", async () => {
    await using host = await freshHost();
    const held = door.hold(5 * MIB);
    let pid = 0;
    const pulling = host.banger(pull("store/one:1", "one"), { onStart: (started) => (pid = started) });
    await held;
    await restIsHere(host);
    process.kill(pid, "SIGINT");
    const result = await pulling;
    assert.equal(result.code, 130, result.stderr);
    await nothingCounts(host);
    door.release();
    await resumes(host);
  });

  test("a daemon that is killed in the middle of a pull leaves nothing that counts, and the next one goes on", async () => {
    await using host = await freshHost();
    const held = door.hold(5 * MIB);
    const pulling = host.banger(pull("store/one:1", "one"));
    await held;
    await restIsHere(host);
    assert.notDeepEqual(await host.files(".local/share/banger/work"), [], "it was at work");
    process.kill(await host.daemonPid(), "SIGKILL");
    assert.notEqual((await pulling).code, 0);
    door.release();
    await nothingCounts(host);
    const { recovered } = await host.json<{ recovered: string[] }>(["daemon", "status"]);
    assert.match(recovered.join(), /undid an image/);
    await resumes(host);
  });

  async function resumes(host: TestHost): Promise<void> {
    door.takeBlobRequests();
    await host.ok(pull("store/one:1", "one"));
    const [config, layer, ...others] = door.takeBlobRequests();
    assert.deepEqual([config?.range, others.length], [undefined, 0], "a layer that came whole is not fetched again");
    assert.match(layer?.range ?? "", /^bytes=[1-9]\d{5,}-$/);
    assert.ok((await blobs(host)).every((name) => !name.endsWith(".partial")));
    await isGood(host, "one");
  }

  test("what is left of a pull that nobody came back for goes after a day", async () => {
    await using host = await freshHost();
    const held = door.hold(5 * MIB);
    const pulling = host.banger(pull("store/one:1", "one"));
    await held;
    process.kill(await host.daemonPid(), "SIGKILL");
    await pulling;
    door.release();
    const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 3600;
    for (const name of await blobs(host)) {
      await utimes(join(host.folder, ".local/share/banger/blobs/sha256", name), twoDaysAgo, twoDaysAgo);
    }
    const left = await blobs(host);
    await host.ok(["daemon", "start"]);
    assert.deepEqual(await blobs(host), left, "what is older than the state is not its own");
    await host.ok(["daemon", "stop"]);
    using database = new DatabaseSync(layoutFrom(host.env).database);
    const threeDaysAgo = new Date(Date.now() - 3 * 24 * 3600 * 1000).toISOString();
    database.prepare("UPDATE instance SET createdAt = ?").run(threeDaysAgo);
    await host.ok(["daemon", "start"]);
    assert.deepEqual(await blobs(host), []);
  });

  test("a registry that wants a login: docker's config, a credential helper, and neither; to pull and to push", async () => {
    await using locked = await TestRegistry.start({ password: true });
    await using image = await TestLayout.make([{ tar: one, compression: "gzip" }]);
    const name = await locked.push(image.reference, "private/app:1", ["--dest-creds", "user:pass:word"]);
    await using host = await freshHost();
    const args = (as: string) => ["image", "pull", name, "--name", as, "--kernel-ref", "tiny"];
    const refused = await host.banger(args("none"));
    assert.equal(refused.code, 6);
    assert.match(refused.stderr, /REGISTRY_DENIED[\s\S]*docker login/);

    const docker = join(host.folder, ".docker");
    await mkdir(docker);
    const config = join(docker, "config.json");
    const auth = (text: string) => ({ auths: { [locked.host]: { auth: Buffer.from(text).toString("base64") } } });
    await writeFile(config, JSON.stringify(auth("user:wrong")));
    assert.match((await host.banger(args("wrong"))).stderr, /REGISTRY_DENIED/);
    await writeFile(config, JSON.stringify(auth("user:pass:word")));
    await host.ok(args("app"));
    const sent = await host.json<SentImage>(["image", "push", "app", locked.ref("private/vm:1")]);
    assert.match(sent.digest, /^sha256:/);

    // The daemon asks the helper, so it must find it in its own PATH.
    const helper = join(docker, "docker-credential-banger-test");
    const answer = JSON.stringify({ ServerURL: locked.host, Username: "user", Secret: "pass:word" });
    await writeFile(helper, `#!/bin/sh\nread -r host\n[ "$host" = "${locked.host}" ] && echo '${answer}'\n`);
    await chmod(helper, 0o755);
    await writeFile(config, JSON.stringify({ credHelpers: { [locked.host]: "banger-test" } }));
    await host.ok(["daemon", "stop"]);
    await host.ok(["daemon", "start"], { env: { PATH: `${docker}:${host.env["PATH"] ?? ""}` } });
    await host.ok(["image", "pull", locked.ref("private/vm:1"), "--name", "vm"]);
    // Secrets are nowhere in what banger keeps or says.
    const log = await readFile(join(host.folder, ".local/state/banger/bangerd.log"), "utf8");
    assert.ok(!log.includes("pass:word") && !log.includes(Buffer.from("user:pass:word").toString("base64")));
  });

  test("mirrors of the configuration are asked first, and the registry itself for what they lack", async () => {
    await using host = await freshHost();
    const folder = join(host.folder, ".config/banger");
    await mkdir(folder, { recursive: true });
    const configure = async (mirror: string): Promise<void> => {
      await host.ok(["daemon", "stop"]);
      await writeFile(join(folder, "config.toml"), `[registries."${registry.host}"]\nmirrors = ["${mirror}"]\n`);
    };
    const args = (name: string, as: string) => [
      "image",
      "pull",
      registry.ref(name),
      "--name",
      as,
      "--kernel-ref",
      "tiny",
    ];
    await configure(`http://${door.host}`);
    door.requests.splice(0);
    await host.ok(args("store/one:1", "mirrored"));
    assert.equal(door.takeBlobRequests().length, 3, "all of it came from the mirror");

    await using empty = await TestRegistry.start();
    await configure(`http://${empty.host}`);
    await host.ok(args("store/two:1", "lacking"));
    await configure("http://127.0.0.1:1");
    await host.ok(args("store/two:1", "dead"));

    await configure("mirror.example");
    const wrong = await host.banger(["image", "list"]);
    assert.match(wrong.stderr, /CONFIG_INVALID[\s\S]*line 2[\s\S]*must be a URL/);
  });

  test("https by a private authority that the configuration names, to pull and to push", async () => {
    await using authority = await TestAuthority.make();
    await using secure = await TestRegistry.start({ tls: authority.tls });
    await using image = await TestLayout.make([{ tar: one, compression: "gzip" }]);
    const name = await secure.push(image.reference, "secure/app:1");
    await using host = await freshHost();
    const args = ["image", "pull", name, "--name", "app", "--kernel-ref", "tiny"];
    const refused = await host.banger(args);
    assert.match(refused.stderr, /REGISTRY_UNREACHABLE[\s\S]*is not trusted[\s\S]*ca_file/);
    const folder = join(host.folder, ".config/banger");
    await mkdir(folder, { recursive: true });
    await host.ok(["daemon", "stop"]);
    const config = `[registries."${secure.host}"]\nca_file = "${authority.certificate}"\n`;
    await writeFile(join(folder, "config.toml"), config);
    await host.ok(args);
    await host.ok(["image", "push", "app", secure.ref("secure/vm:1")]);
    await host.ok(["image", "pull", secure.ref("secure/vm:1"), "--name", "vm"]);
  });
});
