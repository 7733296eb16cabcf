import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { execa } from "execa";

const SCRIPT = fileURLToPath(new URL("make-generic-kernel.sh", import.meta.url));

/**
 * A source tree with kbuild's targets but one C file, so that the script runs as it would, in a second instead of
 * fifteen minutes. Its allnoconfig drops CONFIG_LOST; its program holds the path it was compiled from.
 */
const MAKEFILE = `
allnoconfig: ; @grep -v CONFIG_LOST $(KCONFIG_ALLCONFIG) > .config
kernelrelease: ; @echo 6.12.0-generic
vmlinux: ; @echo "  CC      main.o"; gcc $(KCFLAGS) -o vmlinux $(CURDIR)/main.c
`;
const MAIN_C = "static const char here[] = __FILE__;\nint main(void) { return here[0] == 0; }\n";

interface Bench {
  readonly dir: string;
  readonly cache: string;
  /** Runs the script on the stand-in tree. */
  readonly make: (fragment: string, cacheName?: string) => ReturnType<typeof start>;
}

function start(args: readonly string[], cacheHome: string) {
  return execa(SCRIPT, args, { reject: false, timeout: 60_000, env: { XDG_CACHE_HOME: cacheHome } });
}

async function bench(dir: string, makefile: string = MAKEFILE): Promise<Bench> {
  await mkdir(join(dir, "linux"));
  await writeFile(join(dir, "linux/Makefile"), makefile);
  await writeFile(join(dir, "linux/main.c"), MAIN_C);
  await execa("tar", ["-C", dir, "-cJf", join(dir, "linux.tar.xz"), "linux"]);
  const make: Bench["make"] = (fragment, cacheName = "cache") => {
    const args = ["--source", join(dir, "linux.tar.xz"), "--config", fragment, "--out", join(dir, "out")];
    return start(args, join(dir, cacheName));
  };
  return { dir, cache: join(dir, "cache/banger/kernels"), make };
}

async function fragment(dir: string, text: string): Promise<string> {
  const path = join(dir, "fragment");
  await writeFile(path, text);
  return path;
}

test("a kernel is built, put where it was asked for, and found in the cache the second time", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "make-kernel-"));
  const { make, cache } = await bench(dir.path);
  const asked = await fragment(dir.path, "CONFIG_A=y\n");

  const first = await make(asked);
  assert.equal(first.exitCode, 0, first.stderr);
  const vmlinux = join(dir.path, "out/generic-6.12/vmlinux");
  assert.equal(first.stdout, vmlinux);
  const about = JSON.parse(await readFile(join(dir.path, "out/generic-6.12/build.json"), "utf8"));
  const sum = (await execa("sha256sum", [vmlinux])).stdout.split(" ")[0];
  assert.deepEqual([about.version, about.sha256], ["6.12.0-generic", sum]);

  const second = await make(asked);
  assert.match(second.stderr, /already built/);
  assert.equal(second.stdout, vmlinux);
  assert.deepEqual(
    (await readdir(cache)).filter((name) => name.startsWith(".build")),
    [],
  );

  const other = await make(await fragment(dir.path, "CONFIG_A=y\nCONFIG_B=y\n"));
  assert.doesNotMatch(other.stderr, /already built/);
});

test("the bytes do not depend on the folder it was built in", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "make-kernel-"));
  const { make } = await bench(dir.path);
  const asked = await fragment(dir.path, "CONFIG_A=y\n");
  const vmlinux = join(dir.path, "out/generic-6.12/vmlinux");
  await make(asked, "one");
  const one = await readFile(vmlinux);
  const again = await make(asked, "somewhere-else");
  assert.doesNotMatch(again.stderr, /already built/);
  assert.ok(one.equals(await readFile(vmlinux)));
});

test("an option that Kconfig drops is named, and nothing is built or kept", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "make-kernel-"));
  const { make, cache } = await bench(dir.path);
  const result = await make(await fragment(dir.path, "CONFIG_A=y\nCONFIG_LOST=y\n"));
  assert.equal(result.exitCode, 1);
  assert.match(result.stderr, /CONFIG_LOST: asked for y, is n/);
  assert.deepEqual([result.stdout, await readdir(cache)], ["", [".lock"]]);
});

test("a build that fails shows what make said last", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "make-kernel-"));
  const { make, cache } = await bench(dir.path, MAKEFILE.replace("$(CURDIR)/main.c", "$(CURDIR)/absent.c"));
  const result = await make(await fragment(dir.path, "CONFIG_A=y\n"));
  assert.equal(result.exitCode, 1);
  assert.match(result.stderr, /absent\.c: No such file[^]*the build failed/);
  assert.deepEqual(await readdir(cache), [".lock"]);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} in the middle ends the compilers and leaves nothing`, async () => {
    await using dir = await mkdtempDisposable(join(tmpdir(), "make-kernel-"));
    // The stand-in for a compiler tells its pid through a pipe, so that the signal comes while it runs.
    const pipe = join(dir.path, "pid");
    await execa("mkfifo", [pipe]);
    const hang = `echo $$$$ > ${pipe}; exec sleep 600`;
    const slow = MAKEFILE.replace("gcc $(KCFLAGS) -o vmlinux $(CURDIR)/main.c", () => hang);
    const { make, cache } = await bench(dir.path, slow);
    const building = make(await fragment(dir.path, "CONFIG_A=y\n"));
    const pid = Number(await readFile(pipe, "utf8"));
    process.kill(pid, 0);
    building.kill(signal);
    const result = await building;
    assert.equal(result.exitCode, signal === "SIGTERM" ? 143 : 130);
    assert.deepEqual(await readdir(cache), [".lock"]);
    // Whoever inherited it may not have reaped it yet (proc(5), status).
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "State: none");
    assert.doesNotMatch(status, /^State:\s+[^Zn]/m);
  });
}

test("what a build left that was killed is removed after a day, one of today is let be", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "make-kernel-"));
  const { make, cache } = await bench(dir.path);
  for (const [name, hours] of [
    [".build-old", 25],
    [".build-new", 1],
  ] as const) {
    await mkdir(join(cache, name, "tree"), { recursive: true });
    const then = new Date(Date.now() - hours * 3600_000);
    await utimes(join(cache, name), then, then);
  }
  assert.equal((await make(await fragment(dir.path, "CONFIG_A=y\n"))).exitCode, 0);
  const left = (await readdir(cache)).filter((name) => name.startsWith(".build"));
  assert.deepEqual(left, [".build-new"]);
});

test("a number of jobs that is none is refused", async () => {
  const result = await start(["--jobs", "many"], tmpdir());
  assert.match(result.stderr, /--jobs takes a number, not many/);
});
