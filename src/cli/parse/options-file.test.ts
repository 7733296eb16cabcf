import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { VM_OPTIONS } from "./vm-options.ts";
import { withOptionsFile } from "./options-file.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "options-"));
});
after(() => rm(folder, { recursive: true }));

const NOTHING = {
  name: undefined,
  vcpus: undefined,
  memory: undefined,
  nat: false,
  publish: [],
  env: [],
  "env-file": [],
};

async function read(text: string, given: object = {}): Promise<Record<string, unknown>> {
  const path = join(folder, "vm.toml");
  await writeFile(path, text);
  return withOptionsFile(path, VM_OPTIONS, { ...NOTHING, ...given });
}

test("each option can stand in a file", async () => {
  const text = `name = "box"\nvcpus = 4\nmemory = "2G"\nnat = true\npublish = ["8080:80", "443"]\nenv-file = "more.env"\n[env]\nMODE = "test"\nN = 1\n`;
  assert.deepEqual(await read(text), {
    name: "box",
    vcpus: "4",
    memory: "2G",
    nat: true,
    publish: ["8080:80", "443"],
    env: ["MODE=test", "N=1"],
    "env-file": [join(folder, "more.env")],
  });
});

test("the command line wins", async () => {
  const text = `vcpus = 4\nnat = false\npublish = ["80"]\nenv = ["A=file", "B=file"]\n`;
  const merged = await read(text, { vcpus: "1", nat: true, publish: ["81"], env: ["A=line"] });
  assert.deepEqual([merged["vcpus"], merged["nat"], merged["publish"]], ["1", true, ["81"]]);
  assert.deepEqual(merged["env"], ["A=file", "B=file", "A=line"], "the later assignment counts");
});

test("a mistake is told with its line", async () => {
  for (const [text, wanted] of [
    [`vcpus = 1\nmemroy = "1G"\n`, /line 2: unknown key "memroy"; did you mean "memory"\?/],
    [`\n\n[network]\nnat = true\n`, /line 3: unknown key "network"/],
    [`nat = "yes"\n`, /line 1: "nat" must be true or false/],
    [`vcpus = [1]\n`, /line 1: "vcpus" must be a string or a number/],
    [`env = { A = [1] }\n`, /line 1: "env" must be a table/],
    [`publish = [{}]\n`, /line 1: "publish" must be a list/],
    [`vcpus = \n`, /line 2: /],
    [`progress = "none"\n`, /unknown key "progress"/],
  ] as const) {
    await assert.rejects(read(text), { code: "BAD_USAGE", message: wanted }, text);
  }
  await assert.rejects(withOptionsFile(join(folder, "none"), VM_OPTIONS, NOTHING), { code: "FILE_UNREADABLE" });
});
