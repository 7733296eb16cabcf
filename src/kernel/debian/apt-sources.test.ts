import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseSources, parseSourcesList, readAptSources } from "./apt-sources.ts";

test("reads the one-line style", () => {
  const sources = parseSourcesList(`
# deb http://old.example/debian buster main
deb http://deb.debian.org/debian/ bookworm main contrib # with a comment
deb-src http://deb.debian.org/debian bookworm main
deb [ arch=amd64,arm64 signed-by=/a.gpg,/b.gpg ] https://mirror.example/debian bookworm-updates main
`);
  assert.deepEqual(sources, [
    {
      mirror: "http://deb.debian.org/debian",
      suite: "bookworm",
      components: ["main", "contrib"],
      architectures: [],
      keys: undefined,
    },
    {
      mirror: "https://mirror.example/debian",
      suite: "bookworm-updates",
      components: ["main"],
      architectures: ["amd64", "arm64"],
      keys: { kind: "files", paths: ["/a.gpg", "/b.gpg"] },
    },
  ]);
});

test("reads the deb822 style: every mirror with every suite, none that is off", () => {
  const sources = parseSources(`Types: deb deb-src
URIs: http://a.example/debian http://b.example/debian/
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://c.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://d.example/debian
Suites: bookworm
Components: main
`);
  assert.deepEqual(
    sources.map((source) => `${source.mirror} ${source.suite}`),
    [
      "http://a.example/debian bookworm",
      "http://a.example/debian bookworm-updates",
      "http://b.example/debian bookworm",
      "http://b.example/debian bookworm-updates",
    ],
  );
});

test("keeps a key that stands in the source itself", () => {
  const [source] = parseSources(`Types: deb
URIs: http://a.example/debian
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEY
 -----END PGP PUBLIC KEY BLOCK-----
`);
  assert.deepEqual(source?.keys, {
    kind: "inline",
    armored: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEY\n-----END PGP PUBLIC KEY BLOCK-----\n",
  });
});

test("reads both styles where apt does, and nothing else", async () => {
  const root = await mkdtemp(join(tmpdir(), "banger-apt-"));
  try {
    assert.deepEqual(await readAptSources(root), []);
    const parts = join(root, "etc/apt/sources.list.d");
    await mkdir(parts, { recursive: true });
    await writeFile(join(root, "etc/apt/sources.list"), "deb http://1.example/debian bookworm main\n");
    await writeFile(join(parts, "a.list"), "deb http://2.example/debian bookworm main\n");
    await writeFile(join(parts, "b.sources"), "Types: deb\nURIs: http://3.example/debian\nSuites: bookworm\n");
    await writeFile(join(parts, "c.list.disabled"), "deb http://4.example/debian bookworm main\n");
    const sources = await readAptSources(root);
    assert.deepEqual(
      sources.map((source) => source.mirror),
      ["http://1.example/debian", "http://2.example/debian", "http://3.example/debian"],
    );
  } finally {
    await rm(root, { recursive: true });
  }
});
