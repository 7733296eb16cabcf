import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { gatewayOf, putTree } from "./dev-guest.ts";
import { packageIndex } from "./dev-package-index.ts";
import { goModule, luaSource, nodeProject, pythonPackages, rustCrate } from "./dev-sources.ts";
import type { ProgramGuest } from "./program-guest.ts";

/** An answer of its own server, by a language that is compiled first. */
const NODE_PROGRAM = `import express = require("express");
const app = express();
app.get("/:n", (request, response) => { response.json({ twice: Number(request.params.n) * 2 }); });
const server = app.listen(0, "127.0.0.1", async () => {
  const { port } = server.address() as { port: number };
  console.log(await (await fetch(\`http://127.0.0.1:\${port}/21\`)).text());
  server.close();
});
`;

/** Emulated processors take thirty times as long as real ones. */
const timeoutMs = 1_200_000;

/** Packages of languages, and compilers. */
export function buildTests(guest: () => ProgramGuest): void {
  test("pip installs wheels from an index on the host's loopback, and compiles an extension", async () => {
    await using index = await packageIndex(await pythonPackages());
    const gateway = await gatewayOf(guest());
    const from = `--index-url http://${gateway}:${index.port}/simple --trusted-host ${gateway}`;
    const pip = `/root/py/bin/pip install --quiet --disable-pip-version-check ${from}`;
    await guest().run(`python3 -m venv /root/py; ${pip} requests pyyaml`, { timeoutMs });
    await guest().run(`${pip} --no-binary markupsafe markupsafe`, { timeoutMs });
    const told = await guest().run(`/root/py/bin/python - <<'PY'
import markupsafe._speedups, requests, urllib.parse, yaml
print(yaml.load("[1, {a: b}]", Loader=yaml.CSafeLoader))
print(markupsafe._speedups.__file__)
print(markupsafe.escape("<b>"))
print(requests.get("http://${gateway}:${index.port}/simple/idna/").status_code)
PY`);
    const [loaded, extension, escaped, status] = told.split("\n");
    assert.equal(loaded, "[1, {'a': 'b'}]");
    assert.match(extension ?? "", /_speedups\.cpython-311-x86_64-linux-gnu\.so$/);
    assert.equal(escaped, "&lt;b&gt;");
    assert.equal(status, "200");
    assert.ok(index.fetched.includes("markupsafe-3.0.2.tar.gz"), index.fetched.join());
  });

  test("npm installs more than a hundred packages from its cache, and they run", async () => {
    await putTree(guest(), await nodeProject(), "/root/node");
    const npm = "node ../npm/bin/npm-cli.js ci --offline --no-audit --no-fund --cache ../cache";
    const said = await guest().run(`cd /root/node/project; ${npm}`, { timeoutMs });
    assert.ok(Number(/added (\d+) packages/.exec(said)?.[1]) > 100, said);
    await guest().write("/root/node/project/tried.ts", Buffer.from(NODE_PROGRAM), "644");
    const compile = "node_modules/.bin/tsc --target es2022 --module commonjs --noCheck tried.ts";
    const run = await guest().run(`cd /root/node/project; ${compile}; node tried.js`, { timeoutMs });
    assert.match(run, /^\{"twice":42\}$/m);
    const lint = `echo 'x == 1' >bad.js; node_modules/.bin/eslint --no-eslintrc --rule 'eqeqeq: 2' bad.js && exit 1 || true`;
    assert.match(await guest().run(`cd /root/node/project; ${lint}`, { timeoutMs }), /Expected '==='/);
  });

  test("cargo builds a crate with vendored dependencies", async () => {
    await putTree(guest(), await rustCrate(), "/root/rust");
    await guest().run("cd /root/rust; cargo build --quiet --offline", { timeoutMs });
    assert.equal(await guest().run("/root/rust/target/debug/tried"), "3 lines");
  });

  test("go builds a module with vendored dependencies", async () => {
    await putTree(guest(), await goModule(), "/root/go-tried");
    const env = "export GOPROXY=off GOFLAGS=-mod=vendor CGO_ENABLED=0";
    await guest().run(`cd /root/go-tried; ${env}; go build -o tried`, { timeoutMs });
    assert.equal(await guest().run("/root/go-tried/tried --times 6"), "42");
  });

  test("make compiles Lua, two files at a time", async () => {
    await putTree(guest(), join(await luaSource(), "lua"), "/root/lua");
    await guest().run("make -C /root/lua/src -j2 linux MYCFLAGS=-O0", { timeoutMs });
    const fib = "local function f(n) return n < 2 and n or f(n - 1) + f(n - 2) end print(f(15), _VERSION)";
    assert.equal(await guest().run(`/root/lua/src/lua -e '${fib}'`), "610\tLua 5.4");
  });
}
