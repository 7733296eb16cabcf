import assert from "node:assert/strict";
import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { suite, test } from "node:test";
import { madeUpState, type MadeUpState } from "../helpers/made-up-state.ts";
import { TestHost } from "../helpers/test-host.ts";

interface Row {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly why?: string;
}

async function settled(host: TestHost): Promise<MadeUpState> {
  const state = await madeUpState(host.env);
  await host.ok(["vm", "list"]);
  await host.ok(["daemon", "stop"]);
  return state;
}

function replaceRow(state: MadeUpState, table: string, id: string, document: string): void {
  using database = new DatabaseSync(state.layout.database);
  database.prepare(`UPDATE ${table} SET document = ? WHERE id = ?`).run(document, id);
}

async function refusal(host: TestHost, words: readonly string[]): Promise<string> {
  const { code, stderr } = await host.banger(words);
  assert.notEqual(code, 0, words.join(" "));
  return stderr;
}

suite("a damaged record", { timeout: 300_000 }, () => {
  test("of a VM is listed, holds its image and kernel, and goes by force", async () => {
    await using host = await TestHost.start();
    const state = await settled(host);
    const [lost, other] = state.vmIds;
    replaceRow(state, "vms", lost, '{"id":');
    await host.ok(["vm", "delete", "box-1"]);
    const before = await state.hashes();
    const listed = await host.json<Row[]>(["vm", "list"]);
    assert.deepEqual(
      listed.map(({ id, name, state: is }) => ({ id, name, is })),
      [{ id: lost, name: "box-0", is: "broken" }],
    );
    assert.match(listed[0]?.why ?? "", /JSON/);
    assert.match(await host.ok(["vm", "list"]), /box-0 +broken/);
    for (const verb of ["start", "inspect", "delete"])
      assert.match(await refusal(host, ["vm", verb, "box-0"]), /RECORD_BROKEN[\s\S]*vm delete --force box-0/);
    assert.match(await refusal(host, ["image", "delete", "debian"]), /IMAGE_IN_USE[\s\S]*VM box-0 cannot be read/);
    assert.match(await refusal(host, ["kernel", "delete", "k"]), /KERNEL_IN_USE/);
    assert.match(
      await refusal(host, ["vm", "create", "--name", "box-0", "--image", "debian", "--no-start"]),
      /NAME_TAKEN/,
    );
    assert.deepEqual(await state.hashes(), before);
    await host.ok(["vm", "delete", "--force", "box-0"]);
    assert.deepEqual(await host.json(["vm", "list"]), []);
    assert.deepEqual(await readdir(state.layout.vmsDir), []);
    assert.deepEqual(await host.json(["system", "orphans"]), []);
    assert.ok(other !== lost);
    await host.ok(["image", "delete", "debian"]);
  });

  test("of an image or a kernel keeps its layers and files, of others too", async () => {
    await using host = await TestHost.start();
    const state = await settled(host);
    replaceRow(state, "images", state.imageId, JSON.stringify({ of: "tomorrow" }));
    replaceRow(state, "kernels", state.kernelId, JSON.stringify({ id: "../../../..", name: "k" }));
    const before = await state.hashes();
    assert.deepEqual(
      (await host.json<Row[]>(["image", "list"])).map(({ name, state: is }) => [name, is]),
      [["debian", "broken"]],
    );
    assert.deepEqual(
      (await host.json<Row[]>(["kernel", "list"])).map(({ name, state: is }) => [name, is]),
      [["k", "broken"]],
    );
    assert.match(await refusal(host, ["image", "delete", "--force", "debian"]), /IMAGE_IN_USE/);
    assert.match(await refusal(host, ["kernel", "delete", "--force", "k"]), /KERNEL_IN_USE/);
    assert.deepEqual(await state.hashes(), before, "layers of an image that does not read were dropped");
    for (const name of ["box-0", "box-1"]) await host.ok(["vm", "delete", name]);
    await host.ok(["image", "delete", "--force", "debian"]);
    await host.ok(["kernel", "delete", "--force", "k"]);
    const left = [...(await state.hashes()).keys()];
    assert.deepEqual(
      left.map((path) => path.split("/")[0]),
      ["blobs"],
      "its layers may be another's",
    );
  });
});

suite("something else in the place of a file", { timeout: 300_000 }, () => {
  test("changes nothing but its own object", async () => {
    await using host = await TestHost.start();
    const state = await settled(host);
    const { dataDir, stateDir, imagesDir, kernelsDir, vmsDir, blobsDir } = state.layout;
    const [vmId] = state.vmIds;
    const pipe = async (path: string): Promise<void> => {
      await rm(path, { recursive: true, force: true });
      await host.run("mkfifo", [path]);
    };
    await pipe(join(imagesDir, state.imageId, "image.json"));
    await pipe(join(kernelsDir, state.kernelId, "kernel.json"));
    await rm(join(vmsDir, vmId, "vm.json"));
    await mkdir(join(vmsDir, vmId, "vm.json"));
    await writeFile(join(dataDir, "instance-id"), "\0\0garbage");
    await rm(join(stateDir, "instance-id"));
    await mkdir(join(stateDir, "instance-id"));
    for (const file of ["kvm-probe.json", "first-boot"]) await writeFile(join(stateDir, file), "{garbage");
    for (const folder of [imagesDir, kernelsDir, vmsDir, join(blobsDir, "sha256")]) {
      await pipe(join(folder, "pipe"));
      await writeFile(join(folder, "img-0123456789abcdef"), "a file");
      await mkdir(join(folder, "krn-0123456789abcdef"));
      await chmod(join(folder, "krn-0123456789abcdef"), 0);
    }
    await writeFile(join(blobsDir, "md5"), "a file");
    const before = await state.hashes();
    for (const [noun, expected] of [
      ["vm", ["box-0", "box-1"]],
      ["image", ["debian"]],
      ["kernel", ["k"]],
    ] as const) {
      const listed = await host.json<Row[]>([noun, "list"]);
      assert.deepEqual(listed.map(({ name }) => name).toSorted(), expected);
    }
    await host.ok(["vm", "inspect", "box-0"]);
    assert.notEqual((await host.json<Row[]>(["system", "orphans"])).length, 0);
    await host.banger(["doctor"]);
    assert.deepEqual(await state.hashes(), before);
    await host.ok(["vm", "delete", "box-0"]);
    const after = await state.hashes();
    assert.deepEqual(
      [...before.keys()].filter((path) => !after.has(path)).map((path) => path.split("/").slice(0, 2).join("/")),
      [`vms/${vmId}`, `vms/${vmId}`],
    );
  });
});
