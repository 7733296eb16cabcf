import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSourcesList } from "./apt-sources.ts";
import { planArchives, type ArchiveChoice } from "./debian-archives.ts";

const DEBIAN_12 = { id: "debian", codename: "bookworm" };

function plan(sources: string, choice: ArchiveChoice = {}, release = DEBIAN_12): string[] {
  const archives = planArchives({ release, sources: parseSourcesList(sources) }, choice, "amd64");
  return archives.map((archive) => `${archive.mirror} ${archive.suite}`);
}

test("uses what a Debian host's apt uses: the release, its updates and its security fixes", () => {
  const sources = `
deb http://mirror.example/debian bookworm main
deb http://mirror.example/debian bookworm-updates main
deb http://mirror.example/debian bookworm-backports main
deb http://mirror.example/debian experimental main
deb http://mirror.example/debian-security bookworm-security main
deb http://contrib.example/debian bookworm contrib
deb [arch=arm64] http://arm.example/debian bookworm main
deb cdrom:[Debian_12]/ bookworm main
deb https://docker.example/linux/debian bookworm stable`;
  assert.deepEqual(plan(sources), [
    "http://mirror.example/debian bookworm",
    "http://mirror.example/debian bookworm-updates",
    "http://mirror.example/debian-security bookworm-security",
  ]);
});

test("falls back to Debian's own on other hosts and on a Debian without sources", () => {
  const own = ["http://deb.debian.org/debian bookworm", "http://deb.debian.org/debian-security bookworm-security"];
  assert.deepEqual(plan(""), own);
  assert.deepEqual(
    plan("deb http://archive.ubuntu.com/ubuntu noble main", {}, { id: "ubuntu", codename: "noble" }),
    own,
  );
});

test("takes the user's word over the host's", () => {
  const host = "deb http://mirror.example/debian bookworm main";
  assert.deepEqual(plan(host, { mirror: "http://m.example/d/" }), ["http://m.example/d bookworm"]);
  assert.deepEqual(plan(host, { mirror: "http://m.example/d", suite: "trixie" }), ["http://m.example/d trixie"]);
  assert.deepEqual(plan(host, { suite: "sid" }), ["http://deb.debian.org/debian sid"]);
  assert.deepEqual(plan(host, { suite: "bookworm" }), ["http://mirror.example/debian bookworm"]);
});

test("takes keys from the source, unless the user named some", () => {
  const host = {
    release: DEBIAN_12,
    sources: parseSourcesList("deb [signed-by=/own.gpg] http://mirror.example/debian bookworm main"),
  };
  assert.deepEqual(planArchives(host, {}, "amd64")[0]?.keys, { kind: "files", paths: ["/own.gpg"] });
  assert.deepEqual(planArchives(host, { keyrings: ["/mine.gpg"] }, "amd64")[0]?.keys, {
    kind: "files",
    paths: ["/mine.gpg"],
  });
});
