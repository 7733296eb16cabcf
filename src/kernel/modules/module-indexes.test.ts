import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { buildModule, type TestSymbols } from "../../../test/helpers/elf-builder.ts";
import { indexModules, listModuleFiles } from "./module-files.ts";

const RELEASE = "6.12.1-test";
const { signal } = new AbortController();
// Not on the path of users who are not root.
const DEPMOD = "/sbin/depmod";
const skip = spawnSync(DEPMOD, ["--version"]).status === 0 ? false : "no depmod here to judge";

interface TestModule extends TestSymbols {
  readonly path: string;
  readonly info: readonly (readonly [string, string])[];
}

interface TestModules {
  readonly modules: readonly TestModule[];
  readonly builtin?: string;
  readonly builtinInfo?: string;
}

/** Writes a /lib/modules/RELEASE below a root, and what depmod makes of it. */
async function writeModules(root: string, { modules, builtin = "", builtinInfo = "" }: TestModules): Promise<string> {
  const dir = join(root, "lib/modules", RELEASE);
  await mkdir(dir, { recursive: true });
  for (const { path, info, ...symbols } of modules) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), buildModule(info, symbols));
  }
  await writeFile(join(dir, "modules.order"), modules.map(({ path }) => `${path}\n`).join(""));
  await writeFile(join(dir, "modules.builtin"), builtin);
  await writeFile(join(dir, "modules.builtin.modinfo"), builtinInfo);
  return dir;
}

/** Compares each index with depmod's. */
async function judge(given: TestModules): Promise<ReadonlyMap<string, Buffer>> {
  await using root = await mkdtempDisposable(join(tmpdir(), "banger-modules-"));
  const dir = await writeModules(root.path, given);
  const ours = await indexModules(dir, await listModuleFiles(dir), signal);
  execFileSync(DEPMOD, ["-b", root.path, RELEASE], { stdio: "pipe" });
  for (const [name, bytes] of ours) {
    const theirs = await readFile(join(dir, name));
    // depmod writes these in the order of a hash table; nobody reads them in order.
    const lines = (text: Buffer): string[] | Buffer =>
      name === "modules.symbols" ? text.toString().split("\n").sort() : text;
    assert.deepEqual(lines(bytes), lines(theirs), name);
  }
  return ours;
}

const EXT4: TestModules = {
  modules: [
    { path: "kernel/lib/crc16.ko", info: [["license", "GPL"]], exports: ["crc16"] },
    {
      path: "kernel/fs/jbd2/jbd2.ko",
      info: [["license", "GPL"]],
      exports: ["jbd2_start", "jbd2_stop"],
      needs: ["printk"],
    },
    {
      path: "kernel/fs/ext4/ext4.ko",
      info: [
        ["alias", "fs-ext4"],
        ["alias", "ext3"],
        ["softdep", "pre: crc32c"],
      ],
      needs: ["jbd2_start", "crc16", "printk"],
    },
    {
      path: "kernel/drivers/net/tun.ko",
      info: [
        ["alias", "devname:net/tun"],
        ["alias", "char-major-10-200"],
      ],
    },
    {
      path: "kernel/drivers/virtio/virtio-balloon.ko",
      info: [
        ["alias", "virtio:d00000005v*"],
        ["alias", "of:N*T*C[a-z]x-y*"],
        ["alias", "broken["],
      ],
    },
  ],
  builtin: "kernel/net/unix/unix.ko\nkernel/lib/crc-ccitt.ko\n",
  builtinInfo: "unix.license=GPL\0unix.alias=net-pf-1\0crc_ccitt.description=x\0",
};

test("the indexes of modules are what depmod makes of them", { skip }, async () => {
  const ours = await judge(EXT4);
  assert.match(ours.get("modules.dep")?.toString() ?? "", /^kernel\/fs\/ext4\/ext4\.ko: kernel\/.*crc16.*|.*jbd2.*$/m);
  assert.match(ours.get("modules.devname")?.toString() ?? "", /^tun net\/tun c10:200$/m);
});

test("the judge tells indexes apart", { skip }, async () => {
  await using root = await mkdtempDisposable(join(tmpdir(), "banger-modules-"));
  const dir = await writeModules(root.path, EXT4);
  const ours = await indexModules(dir, await listModuleFiles(dir), signal);
  await writeModules(root.path, { modules: EXT4.modules.slice(0, 2) });
  execFileSync(DEPMOD, ["-b", root.path, RELEASE], { stdio: "pipe" });
  assert.notDeepEqual(ours.get("modules.builtin.bin"), await readFile(join(dir, "modules.builtin.bin")));
});

test("any set of modules gets depmod's indexes", { skip }, async () => {
  const name = fc.stringMatching(/^[a-e][a-e_-]{0,4}$/);
  const module = fc.record({
    aliases: fc.uniqueArray(fc.stringMatching(/^[a-c]{1,3}(?:-[a-c]{1,2}|:\*|\[a-c\])?$/), { maxLength: 4 }),
    needs: fc.uniqueArray(fc.nat(7), { maxLength: 4 }),
  });
  const set = fc.uniqueArray(fc.tuple(name, module), {
    maxLength: 8,
    selector: ([found]) => found.replaceAll("-", "_"),
  });
  await fc.assert(
    fc.asyncProperty(set, async (modules) => {
      await judge({
        modules: modules.map(([found, { aliases, needs }], index) => ({
          path: `kernel/${found}.ko`,
          info: aliases.map((alias) => ["alias", alias] as const),
          exports: [`symbol_${index}`],
          // Of those before it, so that there is no circle, which depmod refuses.
          needs: needs.filter((other) => other < index).map((other) => `symbol_${other}`),
        })),
      });
    }),
    { numRuns: Math.min(Number(process.env["FUZZ_RUNS"] ?? 25), 500) },
  );
});

test("of modules of one name that below updates/ is taken, as depmod does", { skip }, async () => {
  const old = { path: "kernel/drivers/net/tun.ko", info: [["alias", "devname:old"]], exports: ["old"] } as const;
  const update = { path: "updates/dkms/tun.ko", info: [["alias", "net-new"]], exports: ["tun"] } as const;
  const user = { path: "kernel/drivers/vhost.ko", info: [["alias", "vhost"]], needs: ["tun"] } as const;
  for (const modules of [
    [old, update, user],
    [update, user, old],
  ]) {
    const ours = await judge({ modules });
    assert.match(ours.get("modules.dep")?.toString() ?? "", /^kernel\/drivers\/vhost\.ko: updates\/dkms\/tun\.ko$/m);
    assert.doesNotMatch(ours.get("modules.dep")?.toString() ?? "", /^kernel\/drivers\/net/m);
  }
});

test("modules that need one another in a circle are there, without a promise", async () => {
  await using root = await mkdtempDisposable(join(tmpdir(), "banger-modules-"));
  const dir = await writeModules(root.path, {
    modules: [
      { path: "kernel/a.ko", info: [["license", "GPL"]], exports: ["a"], needs: ["b"] },
      { path: "kernel/b.ko", info: [["license", "GPL"]], exports: ["b"], needs: ["a"] },
    ],
  });
  const ours = await indexModules(dir, await listModuleFiles(dir), signal);
  assert.equal(ours.get("modules.dep")?.toString(), "kernel/a.ko:\nkernel/b.ko:\n");
});

test("modules that are made to exhaust whoever indexes them are refused, or cut", async () => {
  await using root = await mkdtempDisposable(join(tmpdir(), "banger-modules-"));
  // Each needs all before it, by a path that is long.
  const folder = Array.from({ length: 6 }, () => "f".repeat(200)).join("/");
  const dir = await writeModules(root.path, {
    modules: Array.from({ length: 350 }, (_, index) => ({
      path: `kernel/${folder}/m${index}.ko`,
      info: [["alias", "a".repeat(2_000)] as const],
      exports: [`s${index}`, "x".repeat(1_000)],
      needs: index === 0 ? [] : [`s${index - 1}`],
    })),
  });
  await assert.rejects(indexModules(dir, await listModuleFiles(dir), signal), /depend on too many others/);
});

test("what is no module among them is named", async () => {
  await using root = await mkdtempDisposable(join(tmpdir(), "banger-modules-"));
  const dir = await writeModules(root.path, EXT4);
  await writeFile(join(dir, "kernel/fs/text.ko"), "text");
  await assert.rejects(indexModules(dir, await listModuleFiles(dir), signal), /text\.ko is not a kernel module/);
});
