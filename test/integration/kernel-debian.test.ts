import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test, type TestContext } from "node:test";
import { BangerError } from "../../src/lib/errors.ts";
import { noProgress, type ProgressEvent } from "../../src/lib/progress.ts";
import { kernelContentsSchema, type KernelContents } from "../../src/model/kernel.ts";
import { ensureInitramfs } from "../../src/kernel/initramfs.ts";
import { pullDebianKernel, type PullDebianOptions } from "../../src/kernel/pull-debian.ts";
import { newArchiveKey, TestMirror } from "../helpers/test-mirror.ts";

const HOUR_MS = 3600 * 1000;
const hasDpkgDeb = spawnSync("dpkg-deb", ["--version"]).status === 0;
let dir: string;
let target: string;
let cacheDir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "banger-pull-"));
  target = join(dir, "target");
  cacheDir = join(dir, "cache");
  await mkdir(target);
});
afterEach(() => rm(dir, { recursive: true }));

interface PullContext {
  readonly signal: AbortSignal;
  readonly progress: (event: ProgressEvent) => void;
}

async function assertClean(): Promise<void> {
  assert.deepEqual(await readdir(target), []);
  const cached = await readdir(cacheDir, { recursive: true }).catch(() => []);
  assert.deepEqual(
    cached.filter((name) => name.endsWith(".tmp")),
    [],
  );
}

/** A pull with nothing said but where the host's file system begins. */
async function asTheHostDoes(options: Partial<PullDebianOptions>): Promise<KernelContents> {
  const context = { signal: new AbortController().signal, progress: noProgress };
  return await pullDebianKernel({ arch: "amd64", cacheDir, ...options }, target, context);
}

describe("a mirror of our own", { skip: hasDpkgDeb ? false : "no dpkg-deb here to make packages" }, () => {
  let mirror: TestMirror;
  beforeEach(async () => {
    mirror = await TestMirror.start();
  });
  afterEach(() => mirror[Symbol.asyncDispose]());

  const pull = (
    options: Partial<PullDebianOptions> = {},
    context: Partial<PullContext> = {},
  ): Promise<KernelContents> =>
    pullDebianKernel(
      { mirror: mirror.url, suite: "bookworm", keyrings: [mirror.keyring], arch: "amd64", cacheDir, ...options },
      target,
      { signal: new AbortController().signal, progress: noProgress, ...context },
    );

  /** Fails with this code, and leaves neither a part of a kernel nor an unverified download. */
  async function refuses(code: string, why: RegExp, options?: Partial<PullDebianOptions>): Promise<void> {
    await assert.rejects(pull(options), (error) => {
      assert.ok(error instanceof BangerError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, why);
      return true;
    });
    await assertClean();
  }

  /** A Debian host whose apt uses this mirror with these suites. */
  async function hostWith(...suites: readonly string[]): Promise<Partial<PullDebianOptions>> {
    const root = join(dir, "host");
    await mkdir(join(root, "etc/apt"), { recursive: true });
    await writeFile(join(root, "etc/os-release"), 'ID=debian\nVERSION_CODENAME="bookworm"\n');
    const lines = suites.map((suite) => `deb [signed-by=${mirror.keyring}] ${mirror.url} ${suite} main\n`);
    await writeFile(join(root, "etc/apt/sources.list"), lines.join(""));
    return { hostRoot: root };
  }

  test("gives the newest kernel, and asks only for what it has not got", async () => {
    const deb = await mirror.publish({ suite: "bookworm", version: "6.1.5-1" });
    const contents = await pull();
    assert.deepEqual(kernelContentsSchema.parse(contents), contents);
    assert.equal(contents.release, "6.1.5-cloud-amd64");
    assert.deepEqual(contents.files.bootModules?.modules, ["virtio", "virtio_blk"]);
    assert.equal(contents.source.kind === "debian" && contents.source.version, "6.1.5-1");
    assert.deepEqual((await readdir(target)).sort(), ["boot-modules.cpio", "config", "image", "modules"]);

    target = join(dir, "again");
    await mkdir(target);
    mirror.requests.length = 0;
    await pull();
    assert.deepEqual(mirror.requests, ["dists/bookworm/InRelease"], `nor ${deb}`);
  });

  test("finds the index by its hash", async () => {
    await mirror.publish({ suite: "bookworm", version: "6.1.5-1", byHash: true });
    assert.equal((await pull()).release, "6.1.5-cloud-amd64");
    assert.ok(mirror.requests.some((path) => path.includes("by-hash/SHA256/")));
  });

  test("refuses a tampered Release, index and package", async () => {
    const deb = await mirror.publish({ suite: "bookworm", version: "6.1.5-1" });
    // From the top of the chain down: what was verified once is cached, and the mirror is not asked again.
    for (const [path, at, code, why] of [
      ["dists/bookworm/InRelease", "main/binary-amd64", "MIRROR_UNTRUSTED", /sign/],
      ["dists/bookworm/main/binary-amd64/Packages.xz", undefined, "DIGEST_MISMATCH", /sha256/],
      [deb, undefined, "DIGEST_MISMATCH", /sha256/],
    ] as const) {
      const good = mirror.files.get(path) ?? Buffer.alloc(0);
      mirror.tamper(path, at);
      await refuses(code, why);
      mirror.files.set(path, good);
    }
    assert.equal((await pull()).release, "6.1.5-cloud-amd64", "the same mirror, untampered");
  });

  test("refuses another's signature", async () => {
    await mirror.publish({ suite: "bookworm", version: "6.1.5-1", key: await newArchiveKey() });
    await refuses("MIRROR_UNTRUSTED", /no signature on it is good/);
  });

  test("says how to get the keys where there are none", async () => {
    await mirror.publish({ suite: "bookworm", version: "6.1.5-1" });
    await refuses("MIRROR_UNTRUSTED", /no keyring/, { keyrings: [join(dir, "absent.gpg")] });
  });

  test("refuses what expired, what is another suite's, and what is not Debian's", async () => {
    const version = "6.1.5-1";
    await mirror.publish({ suite: "bookworm", version, validUntil: new Date(Date.now() - HOUR_MS) });
    await refuses("MIRROR_UNTRUSTED", /expired/);
    await mirror.publish({ suite: "bookworm", version, date: new Date(Date.now() + 48 * HOUR_MS) });
    await refuses("MIRROR_UNTRUSTED", /future/);
    await mirror.publish({ suite: "bookworm", version, origin: "Elsewhere" });
    await refuses("MIRROR_UNTRUSTED", /origin/);
    await mirror.publish({ suite: "trixie", version });
    mirror.files.set("dists/bookworm/InRelease", mirror.files.get("dists/trixie/InRelease") ?? Buffer.alloc(0));
    await refuses("MIRROR_UNTRUSTED", /trixie/);
  });

  test("names what is missing: the suite, the kernel, the network", async () => {
    await refuses("MIRROR_FAILED", /404/);
    await mirror.publish({ suite: "bookworm" });
    await refuses("MIRROR_FAILED", /linux-image-cloud-amd64/);
    await refuses("MIRROR_FAILED", /could not get/, { mirror: "http://127.0.0.1:1/debian" });
  });

  test("gives up on a mirror that breaks off in the middle of the package", async () => {
    const deb = await mirror.publish({ suite: "bookworm", version: "6.1.5-1" });
    mirror.breaking.add(deb);
    await refuses("MIRROR_FAILED", /could not get/);
  });

  test("stops when it is cancelled, at any step, and leaves no download half done", async () => {
    await mirror.publish({ suite: "bookworm", version: "6.1.5-1" });
    for (const step of ["release:", "download:", "unpack", "prepare"]) {
      const controller = new AbortController();
      const progress = (event: ProgressEvent): void => {
        if (event.id.startsWith(step)) controller.abort();
      };
      await assert.rejects(pull({}, { signal: controller.signal, progress }), { name: "AbortError" }, step);
      await rm(target, { recursive: true });
      await mkdir(target);
      await assertClean();
    }
  });

  test("takes the highest version of the host's suites", async () => {
    await mirror.publish({ suite: "bookworm", version: "6.1.9-1" });
    await mirror.publish({ suite: "bookworm-security", version: "6.1.10-1" });
    const contents = await asTheHostDoes(await hostWith("bookworm", "bookworm-security"));
    assert.equal(contents.release, "6.1.10-cloud-amd64");
  });

  test("goes on without a security archive that is behind or away, but not with one that was tampered with", async () => {
    await mirror.publish({ suite: "bookworm", version: "6.1.9-1" });
    const host = await hostWith("bookworm", "bookworm-security");
    const past = new Date(Date.now() - HOUR_MS);
    await mirror.publish({ suite: "bookworm-security", version: "6.1.10-1", key: await newArchiveKey() });
    await assert.rejects(asTheHostDoes(host), { code: "MIRROR_UNTRUSTED" });
    await mirror.publish({ suite: "bookworm-security", version: "6.1.10-1", validUntil: past });
    assert.equal((await asTheHostDoes(host)).release, "6.1.9-cloud-amd64");
    await rm(target, { recursive: true });
    await mkdir(target);
    mirror.files.delete("dists/bookworm-security/InRelease");
    assert.equal((await asTheHostDoes(host)).release, "6.1.9-cloud-amd64");
  });

  test("passes over a source of the host that is not Debian's", async () => {
    await mirror.publish({ suite: "bookworm", version: "6.1.9-1" });
    await mirror.publish({ suite: "stable", version: "6.9.9-1", origin: "Somebody" });
    const contents = await asTheHostDoes(await hostWith("stable", "bookworm"));
    assert.equal(contents.release, "6.1.9-cloud-amd64");
  });
});

describe("Debian itself", () => {
  test("gives a kernel that a VM can boot with", { timeout: 10 * 60_000 }, async (t) => {
    const contents = await pullFromDebian(t);
    if (contents === undefined) return;
    assert.match(contents.release, /^\d+\.\d+\.\d+.*-cloud-(?:amd64|arm64)$/);
    assert.equal(contents.abilities.features?.ext4, "builtin");
    const config = await readFile(join(target, "config"), "utf8");
    assert.ok(config.includes("CONFIG_VIRTIO_BLK=m"));
    if (contents.arch === "amd64") {
      assert.equal(contents.files.image.format, "bzImage");
      assert.equal(contents.abilities.pvh, true);
      const elf = await readFile(join(target, contents.files.vmlinux ?? ""));
      assert.equal(elf.toString("latin1", 0, 4), "\x7fELF");
    }
    await assertOrderHolds(contents);

    const agent = join(dir, "agent");
    await writeFile(agent, "the agent");
    const { bootModules } = contents.files;
    assert.ok(bootModules);
    const made = await ensureInitramfs(target, bootModules, agent, new AbortController().signal);
    assert.equal(made.fresh, true);
    assert.ok(made.sizeBytes > 500_000);
  });
});

/** The shared cache, so that the tests download a kernel once. */
async function pullFromDebian(t: TestContext): Promise<KernelContents | undefined> {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "banger", "debian");
  try {
    const context = { signal: new AbortController().signal, progress: noProgress };
    return await pullDebianKernel({ cacheDir: cache }, target, context);
  } catch (error) {
    if (!(error instanceof BangerError) || error.code !== "MIRROR_FAILED") throw error;
    t.skip(`no Debian mirror can be reached from here: ${error.message}`);
    return undefined;
  }
}

/** kmod judges: whatever modinfo says a module depends on stands before it, or is built in. */
async function assertOrderHolds(contents: KernelContents): Promise<void> {
  const modinfo = ["/usr/sbin/modinfo", "/sbin/modinfo"];
  const tool = (
    await Promise.all(
      modinfo.map((path) =>
        access(path).then(
          () => path,
          () => undefined,
        ),
      ),
    )
  ).find(Boolean);
  if (tool === undefined) return;
  const all = await readdir(join(target, "modules"), { recursive: true });
  const order = contents.files.bootModules?.modules ?? [];
  assert.ok(order.includes("virtio_blk"));
  for (const [index, name] of order.entries()) {
    const path = all.find((file) => new RegExp(`/${name.replaceAll("_", "[_-]")}\\.ko`).test(file)) ?? name;
    const said = execFileSync(tool, ["-F", "depends", join(target, "modules", path)], { encoding: "utf8" });
    for (const dependency of said.trim().split(",").filter(Boolean)) {
      const at = order.indexOf(dependency.replaceAll("-", "_"));
      assert.ok(at !== -1 && at < index, `${name} comes before ${dependency}`);
    }
  }
}
