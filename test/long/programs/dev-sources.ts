import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { CACHE } from "../../helpers/test-images.ts";

const exec = promisify(execFile);

/** Debian bookworm's, which the guest has: what is fetched here is for it, whatever this host has. */
const GUEST_PYTHON = ["--python-version", "3.11", "--platform", "manylinux2014_x86_64"];

type Run = (file: string, ...args: readonly string[]) => Promise<void>;

/** Wheels with what they need, and one package as its source, with an extension in C, and what builds it. */
export function pythonPackages(): Promise<string> {
  return kept("python-1", async (folder, run) => {
    const download = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", folder];
    const wheels = ["--only-binary=:all:", ...GUEST_PYTHON];
    await run("python3", ...download, ...wheels, "requests==2.32.3", "pyyaml==6.0.2", "setuptools==75.6.0");
    await run("python3", ...download, "--no-deps", "--no-binary=:all:", "markupsafe==3.0.2");
  });
}

/** `project` with its lock, `cache` with all that it names, and `npm` itself, which Debian has as 400 packages. */
export function nodeProject(): Promise<string> {
  return kept("node-1", async (folder, run) => {
    const dependencies = { express: "4.21.2", eslint: "8.57.1", typescript: "5.6.3" };
    await mkdir(join(folder, "project"));
    await writeFile(
      join(folder, "project/package.json"),
      JSON.stringify({ name: "tried", private: true, dependencies }),
    );
    // With where each comes from, so that npm finds it in its cache by its digest alone, without the registry's word.
    const how = ["--ignore-scripts", "--omit-lockfile-registry-resolved=false", "--cache", join(folder, "cache")];
    await run("npm", "install", "--silent", "--no-audit", "--no-fund", ...how, "--prefix", join(folder, "project"));
    await rm(join(folder, "project/node_modules"), { recursive: true });
    await run("npm", "pack", "--silent", "--pack-destination", folder, "npm@10.9.2");
    await run("tar", "-C", folder, "-xzf", join(folder, "npm-10.9.2.tgz"));
    await rename(join(folder, "package"), join(folder, "npm"));
  });
}

/** A crate with its dependencies beside it, of versions that Debian's compiler knows. */
export function rustCrate(): Promise<string> {
  return kept("rust-1", async (folder, run) => {
    await mkdir(join(folder, ".cargo"));
    await mkdir(join(folder, "src"));
    const pinned = ['memchr = "=2.6.4"', 'itoa = "=1.0.9"', 'smallvec = "=1.11.2"'];
    const head = '[package]\nname = "tried"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\n';
    await writeFile(join(folder, "Cargo.toml"), `${head}${pinned.join("\n")}\n`);
    await writeFile(
      join(folder, "src/main.rs"),
      `use smallvec::SmallVec;
fn main() {
    let text = b"a line\\nanother\\nthe last\\n";
    let ends: SmallVec<[usize; 4]> = memchr::memchr_iter(b'\\n', text).collect();
    println!("{} lines", itoa::Buffer::new().format(ends.len()));
}
`,
    );
    await run("cargo", "vendor", "--quiet", "--manifest-path", join(folder, "Cargo.toml"), join(folder, "vendor"));
    // A newer cargo's lock is not known to an older one, which makes its own of what is vendored.
    await rm(join(folder, "Cargo.lock"));
    const sources = '[source.crates-io]\nreplace-with = "vendored"\n\n[source.vendored]\ndirectory = "vendor"\n';
    await writeFile(join(folder, ".cargo/config.toml"), sources);
  });
}

/** A module with its dependency in `vendor`. */
export function goModule(): Promise<string> {
  return kept("go-1", async (folder, run) => {
    await writeFile(join(folder, "go.mod"), "module tried\n\ngo 1.19\n\nrequire github.com/spf13/pflag v1.0.5\n");
    await writeFile(
      join(folder, "main.go"),
      `package main

import (
	"fmt"

	"github.com/spf13/pflag"
)

func main() {
	times := pflag.IntP("times", "n", 1, "how often")
	pflag.Parse()
	fmt.Println(*times * 7)
}
`,
    );
    const go = ["GOFLAGS=-mod=mod", "GOTOOLCHAIN=local", "go", "-C", folder, "mod"];
    await run("env", ...go, "tidy");
    await run("env", ...go, "vendor");
  });
}

/** Debian's source of Lua: some thirty files of C, and a Makefile. */
export function luaSource(): Promise<string> {
  return kept("lua-1", async (folder, run) => {
    const work = join(folder, "apt");
    await mkdir(join(work, "lists/partial"), { recursive: true });
    const mirror = process.env["DEBIAN_MIRROR"] ?? "http://deb.debian.org/debian";
    await writeFile(join(work, "sources.list"), `deb-src ${mirror} bookworm main\n`);
    const options = Object.entries({
      "Dir::State::lists": join(work, "lists"),
      "Dir::Cache": work,
      "Dir::Etc::sourcelist": join(work, "sources.list"),
      "Dir::Etc::sourceparts": "/dev/null",
      "APT::Sandbox::User": "root",
      "Acquire::Languages": "none",
    }).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    await run("apt-get", ...options, "--quiet", "update");
    await run("env", "--chdir", work, "apt-get", ...options, "--quiet", "--download-only", "source", "lua5.4");
    const archive = (await readdir(work)).find((name) => /\.orig\.tar\.\w+$/.test(name));
    if (archive === undefined) throw new Error("apt-get brought no source of Lua");
    await mkdir(join(folder, "lua"));
    await run("tar", "-C", join(folder, "lua"), "--strip-components=1", "-xf", join(work, archive));
    await rm(work, { recursive: true });
  });
}

/** Fetches something once on a machine, and keeps it in the user's cache. */
async function kept(name: string, fetch: (folder: string, run: Run) => Promise<void>): Promise<string> {
  const sources = join(CACHE, "sources");
  const target = join(sources, name);
  if (await stat(target).catch(() => undefined)) return target;
  await mkdir(sources, { recursive: true });
  const work = await mkdtemp(join(sources, ".fetching-"));
  try {
    await fetch(work, async (file, ...args) => {
      await exec(file, args, { maxBuffer: 2 ** 26 });
    });
    // Another run may have been quicker: then what it fetched is taken.
    await rename(work, target).catch(() => undefined);
    return target;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
