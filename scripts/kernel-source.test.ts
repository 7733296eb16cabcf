import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, mkdtempDisposable, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { execa } from "execa";

const SCRIPT = fileURLToPath(new URL("../kernel/fetch-source.sh", import.meta.url));

// A mirror on loopback, laid out as kernel.org's is, with a tarball signed by a key made here.
let root: string;
let mirror: string;
let closeMirror: () => void;

/** Makes a key, and writes its public half to `<name>.gpg`. */
async function makeKey(name: string): Promise<string> {
  const home = join(root, name);
  await mkdir(home, { mode: 0o700 });
  const gpg = ["--homedir", home, "--batch", "--quiet"];
  await execa("gpg", [
    ...gpg,
    "--passphrase",
    "",
    "--quick-generate-key",
    `${name}@example.org`,
    "ed25519",
    "sign",
    "never",
  ]);
  await execa("gpg", [...gpg, "--output", `${home}.gpg`, "--export"]);
  return home;
}

before(async () => {
  root = await mkdtemp(join(tmpdir(), "kernel-source-"));
  const served = join(root, "served");
  await mkdir(join(root, "tree"));
  await mkdir(served);
  await writeFile(join(root, "tree/Makefile"), "all:\n");
  await execa("tar", ["-C", root, "-cf", join(root, "linux.tar"), "tree"]);
  const version = /^readonly VERSION=(.*)$/m.exec(await readFile(SCRIPT, "utf8"))?.[1] ?? "";
  const signer = await makeKey("signer");
  const stranger = await makeKey("stranger");
  const sign = ["--homedir", signer, "--batch", "--quiet", "--armor", "--detach-sign"];
  await execa("gpg", [...sign, "--output", join(served, `linux-${version}.tar.sign`), join(root, "linux.tar")]);
  await execa("xz", ["--keep", join(root, "linux.tar")]);
  await rename(join(root, "linux.tar.xz"), join(served, `linux-${version}.tar.xz`));
  for (const home of [signer, stranger]) await execa("gpgconf", ["--homedir", home, "--kill", "all"]);

  const server = createServer((request, response) => {
    createReadStream(join(served, (request.url ?? "").replace(/^\/pub\//, "")))
      .on("error", () => response.writeHead(404).end())
      .pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closeMirror = () => server.close();
  mirror = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/pub`;
});

after(async () => {
  closeMirror();
  await rm(root, { recursive: true });
});

async function fetchSource(cache: string, keyring: string) {
  const args = ["--from", "kernel.org", "--mirror", mirror, "--keyring", join(root, keyring), "--cache", cache];
  return execa(SCRIPT, args, { reject: false });
}

test("a tarball signed by a key that is trusted is kept, and its path printed", async () => {
  await using cache = await mkdtempDisposable(join(tmpdir(), "kernel-cache-"));
  const result = await fetchSource(cache.path, "signer.gpg");
  assert.equal(result.exitCode, 0, result.stderr);
  const kept = await readdir(cache.path);
  assert.deepEqual(
    kept.map((file) => join(cache.path, file)),
    [result.stdout],
  );
  await execa("tar", ["-tJf", result.stdout]);
});

test("a tarball signed by someone else is refused, and nothing of it is kept", async () => {
  await using cache = await mkdtempDisposable(join(tmpdir(), "kernel-cache-"));
  const result = await fetchSource(cache.path, "stranger.gpg");
  assert.equal(result.exitCode, 1);
  assert.match(result.stderr, /not by a key that is trusted; nothing was kept/);
  assert.deepEqual([result.stdout, await readdir(cache.path)], ["", []]);
});

test("one byte more than was signed is refused", async () => {
  await using cache = await mkdtempDisposable(join(tmpdir(), "kernel-cache-"));
  const name = (await readdir(join(root, "served"))).find((file) => file.endsWith(".xz")) ?? "";
  const original = join(root, "served", name);
  const good = join(root, "good.xz");
  await rename(original, good);
  try {
    const longer = Buffer.concat([await readFile(join(root, "linux.tar")), Buffer.from("x")]);
    await execa("xz", ["--stdout"], { input: longer, stdout: { file: original } });
    const result = await fetchSource(cache.path, "signer.gpg");
    assert.equal(result.exitCode, 1);
    assert.match(result.stderr, /BAD signature/);
    assert.deepEqual(await readdir(cache.path), []);
  } finally {
    await rename(good, original);
  }
});

test("a mirror without the file is a failure that names the mirror", async () => {
  await using cache = await mkdtempDisposable(join(tmpdir(), "kernel-cache-"));
  const args = [
    "--from",
    "kernel.org",
    "--mirror",
    `${mirror}/moved`,
    "--keyring",
    join(root, "signer.gpg"),
    "--cache",
    cache.path,
  ];
  const result = await execa(SCRIPT, args, { reject: false });
  assert.equal(result.exitCode, 1);
  assert.match(result.stderr, /404[^]*could not fetch from .*\/moved/);
  assert.deepEqual(await readdir(cache.path), []);
});

test("a place that nobody heard of is wrong usage", async () => {
  assert.equal((await execa(SCRIPT, ["--from", "elsewhere"], { reject: false })).exitCode, 2);
});
