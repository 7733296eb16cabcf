import assert from "node:assert/strict";
import { chmod, mkdir, mkdtempDisposable, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { noProgress } from "../../lib/progress.ts";
import { BangerError } from "../../lib/errors.ts";
import type { Image } from "../../model/image.ts";
import { buildImage } from "./build-image.ts";
import { buildKey, digestTree, packTree, readScript } from "./build-inputs.ts";
import { contentKey } from "./content-key.ts";
import type { BuildContext } from "./build-context.ts";
import { readAgent } from "../images/index.ts";

const signal = new AbortController().signal;

test("what was built already is not built again, unless another kernel is asked for", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "build-"));
  const [script, agentPath] = [join(folder.path, "script"), join(folder.path, "agent")];
  await writeFile(script, "true");
  await writeFile(agentPath, "agent");
  await chmod(agentPath, 0o755);
  const agent = await readAgent(agentPath);
  const base = { id: "img-1", name: "base", digest: "d", history: [], rootfs: { uuid: "u" } } as unknown as Image;
  const key = buildKey({
    base: contentKey(base),
    agentDigest: agent.digest,
    scriptDigest: (await readScript(script)).digest,
    copies: [],
    env: {},
  });
  const built = { id: "img-2", name: "web", kernel: "one", history: [{ key }] } as unknown as Image;
  const rows = {
    get: () => base,
    find: () => built,
    checkFree() {
      throw new BangerError("NAME_TAKEN", { what: "web", fix: "another" });
    },
  };
  const store = { images: rows, kernels: { get: (name: string) => ({ name }) } };
  const images = { store, layout: { workDir: folder.path }, agent: async () => agent };
  const context = { images } as unknown as BuildContext;
  const build = (kernel: string | undefined): Promise<Image> =>
    buildImage(
      context,
      { from: "base", name: "web", script, copies: [], env: {}, kernel, nat: false, onFail: "remove" },
      { signal, progress: noProgress },
    );
  assert.equal(await build(undefined), built);
  assert.equal(await build("one"), built);
  await assert.rejects(build("two"), { code: "NAME_TAKEN" });
});

test("a link that is copied stands for what it leads to, which is what counts", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "build-"));
  const [real, link] = [join(folder.path, "app-1"), join(folder.path, "app")];
  await mkdir(real);
  await writeFile(join(real, "file"), "first");
  await symlink("app-1", link);
  const before = await digestTree(link, signal);
  assert.equal(before, await digestTree(real, signal));
  const { archive, done } = await packTree(link, signal);
  assert.match(await text(archive), /^app-1\/[^]*first/);
  await done;
  await writeFile(join(real, "file"), "other");
  assert.notEqual(await digestTree(link, signal), before);
  await assert.rejects(packTree(join(folder.path, "none"), signal), { code: "FILE_UNREADABLE" });
  await assert.rejects(digestTree(join(folder.path, "none"), signal), { code: "FILE_UNREADABLE" });
});
