import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { callsOf } from "../scripts/destructive/find-calls.ts";
import { straysOf } from "../scripts/destructive/find-strays.ts";
import { productSources } from "../scripts/destructive/sources.ts";

/**
 * Places that end or remove something and need not say why to src/lib/destroy.ts: what they end is in the guest, or in
 * memory, or goes through that module one step further on.
 */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "src/nouns/vms/commands/exec-socket.ts: running.kill": "a process in the guest, by whom it is run",
  "src/nouns/vms/commands/main-command.ts: running.kill": "a process in the guest, which the VM was made for",
  "src/nouns/vms/stop/stop-vm.ts: machine.kill": "a VMM's driver, which ends it by src/vmm/end-process.ts",
  "src/nouns/vms/live/turns.ts: machine.kill": "a VMM's driver, which ends it by src/vmm/end-process.ts",
  "src/nouns/vms/guest/watch-halt.ts: machine.kill": "a VMM's driver, which ends it by src/vmm/end-process.ts",
  "src/nouns/builds/build-inputs.ts: tar.kill": "what src/lib/launch.ts gave us, which ends it",
  "src/vmm/start-vmm.ts: child.kill": "what src/lib/launch.ts gave us, which ends it",
  "src/oci/layers/layer-tree.ts: #tree.unlink": "a tree in memory",
  "src/lib/files.ts: writeFileSync": "into what was just opened with wx",
  "src/disk/apply-clone.ts: run cp": "into a new file that the same call made, which it removes should this fail",
  "src/ext4/reader/ext4-image.ts: open, handed on": "a variable of that name",
  "src/oci/push/export-archive.ts: open, handed on": "a variable of that name",
};

/** Each stray, as `path: name`, without those that may be. */
function forbidden(sources: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(sources)
    .flatMap(([path, text]) => straysOf(path, text))
    .filter(({ path, name }) => !Object.hasOwn(EXCEPTIONS, `${path}: ${name}`))
    .map(({ path, line, name, why }) => `${path}:${line} ${name}: ${why}; src/lib/destroy.ts does it, with a proof`);
}

suite("what is destroyed", () => {
  const sources = productSources();

  test("is destroyed by one module", () => {
    assert.ok(Object.keys(sources).length > 200, "the sources were found");
    assert.deepEqual(forbidden(sources), []);
  });

  test("has a proof at each place", () => {
    const calls = Object.entries(sources).flatMap(([path, text]) => callsOf(path, text));
    assert.ok(calls.length > 80, "the calls were found");
    assert.deepEqual(
      calls.filter(({ proof }) => proof === undefined).map(({ path, line }) => `${path}:${line} says no proof`),
      [],
    );
  });

  test("has no exception that is not needed", () => {
    const used = new Set(
      Object.entries(sources).flatMap(([path, text]) => straysOf(path, text).map(({ name }) => `${path}: ${name}`)),
    );
    assert.deepEqual(
      Object.keys(EXCEPTIONS).filter((one) => !used.has(one)),
      [],
    );
  });
});

suite("the judge of what is destroyed", () => {
  const strays = (text: string): readonly string[] => straysOf("src/vms/a.ts", text).map(({ name }) => name);
  const PROMISES = `from "node:fs/promises";`;

  test("rejects what removes, in each way to get at it", () => {
    for (const [text, name] of [
      [`import { rm } ${PROMISES}`, "rm"],
      [`import { open, rm as away } ${PROMISES}`, "rm"],
      [`import { type Stats, unlinkSync } from "fs";`, "unlinkSync"],
      [`export { rename } ${PROMISES}`, "rename"],
      [`export * ${PROMISES}`, "*"],
      [`import * as fs from "node:fs";`, "*"],
      [`import fs from "node:fs";`, "*"],
      [`import fs, { stat } from "node:fs";`, "*"],
      [`import { promises } from "node:fs";`, "promises"],
      [`import { default as fs } from "node:fs";`, "default"],
      [`const { rm } = await import("node:fs/promises");`, "*"],
      [`const fs = require("fs");`, "*"],
      [`fs.rmSync(path);`, "fs.rmSync"],
      [`fs["rmSync"](path);`, "fs.rmSync"],
      [`await handle.truncate(0);`, "handle.truncate"],
      [`await handle?.truncate(0);`, "handle.truncate"],
      [`const text = \`a \${await handle.truncate()} /\`;`, "handle.truncate"],
      [`each(paths, fs.unlink);`, "fs.unlink"],
      [`run("rm", ["-rf", path]);`, "run rm"],
      [`import { removeFile as drop } from "../lib/destroy.ts";`, "removeFile"],
      [`import * as destroy from "../lib/destroy.ts";`, "*"],
      [`paths.map(removeFile);`, "removeFile"],
    ] as const) {
      assert.ok(strays(text).includes(name), `${text} ${JSON.stringify(strays(text))}`);
    }
  });

  test("rejects what ends a process", () => {
    assert.deepEqual(strays(`process.kill(pid);`), ["process.kill"]);
    assert.deepEqual(strays(`process["kill"](pid);`), ["process.kill"]);
    assert.deepEqual(strays(`this.#child.kill();`), ["#child.kill"]);
    assert.deepEqual(strays(`onAbort(child.kill);`), ["child.kill"]);
    assert.deepEqual(strays(`spawn("kill", [pid]);`), ["spawn kill"]);
    assert.ok(strays(`const { kill } = process;`).length > 0);
    assert.ok(strays(`import { kill } from "node:process";`).length > 0);
    assert.ok(strays(`process.getBuiltinModule("fs");`).length > 0);
  });

  test("rejects what empties or replaces a file", () => {
    for (const [name, call] of [
      ["writeFile", `writeFile(path, "r+ and wx")`],
      ["writeFile", `writeFile(path, text, { mode: 0o600 })`],
      ["writeFile", `writeFile(path, text, { flag: "w" })`],
      ["open", `open(path, "w")`],
      ["open", `open(path, "w+", 0o600)`],
      ["open", `open(path, flags)`],
      ["open", `open(path, constants.O_WRONLY | constants.O_TRUNC)`],
      ["createWriteStream", `createWriteStream(path)`],
      ["copyFile", `copyFile(from, to)`],
      ["copyFile", `copyFile(from, to, constants.COPYFILE_FICLONE)`],
      ["cp", `cp(from, to, { recursive: true })`],
    ] as const) {
      assert.deepEqual(strays(`import { ${name} } ${PROMISES} await ${call};`), [name], call);
    }
    assert.deepEqual(strays(`import { open as make } ${PROMISES}`), ["open"]);
    assert.deepEqual(strays(`import { open } ${PROMISES} each(paths, open);`), ["open, handed on"]);
  });

  test("lets pass what destroys nothing", () => {
    for (const text of [
      `import { readFile, open, writeFile } ${PROMISES} await open(path); await open(path, "r+");`,
      `import { writeFile } ${PROMISES} await writeFile(path, text, { flag: "wx" });`,
      `import { open, constants } ${PROMISES} await open(path, constants.O_RDWR | constants.O_CREAT);`,
      `import { copyFile } ${PROMISES} await copyFile(a, b, constants.COPYFILE_EXCL);`,
      `import type { FileHandle } ${PROMISES} import { join } from "node:path";`,
      `// fs.rmSync(path)\nconst pattern = /fs.rm(path)/; const text = "process.kill(1)";`,
      `store.images.delete(id); database.open(); interface Child { kill(): void }`,
    ]) {
      assert.deepEqual(strays(text), [], text);
    }
  });

  test("rejects a call that says no proof, or one that is put together", () => {
    const proofs = (text: string): readonly unknown[] => callsOf("src/vms/a.ts", text).map(({ proof }) => proof);
    assert.deepEqual(proofs(`await removeFile(path, "named by the open intent");`), ["named by the open intent"]);
    assert.deepEqual(proofs("await removeFile(path, `named by the open intent`,\n);"), ["named by the open intent"]);
    for (const text of [
      `removeFile(path);`,
      `removeFile("a name that is long enough");`,
      `removeFile(path, proof);`,
      `removeFile(path, "named by " + "something open");`,
      "removeFile(path, `named by the intent ${intent}`);",
      `removeFile(path, "ours");`,
      `removeFile(path, isOurs ? "named by the open intent" : "no idea at all, really");`,
    ]) {
      assert.deepEqual(proofs(text), [undefined], text);
    }
  });

  test("tells the line of a call", () => {
    assert.deepEqual(
      callsOf("src/a.ts", `\n\nfor (;;)\n  signalChild(\n child, "SIGKILL", "our own child, by its handle");`),
      [{ path: "src/a.ts", line: 4, does: "signals a child", proof: "our own child, by its handle" }],
    );
  });
});
