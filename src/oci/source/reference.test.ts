import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatReference, parseReference } from "./reference.ts";

const HEX = "0123456789abcdef".repeat(4);

const registry = (text: string): readonly unknown[] => {
  const reference = parseReference(text);
  assert.equal(reference.kind, "registry");
  return reference.kind === "registry"
    ? [reference.registry, reference.repository, reference.tag, reference.digest]
    : [];
};

test("short names are Docker Hub's", () => {
  assert.deepEqual(registry("debian"), ["docker.io", "library/debian", "latest", undefined]);
  assert.deepEqual(registry("debian:bookworm"), ["docker.io", "library/debian", "bookworm", undefined]);
  assert.deepEqual(registry("owner/app"), ["docker.io", "owner/app", "latest", undefined]);
  assert.deepEqual(registry("docker.io/debian"), ["docker.io", "library/debian", "latest", undefined]);
  assert.deepEqual(registry("index.docker.io/owner/app:1"), ["docker.io", "owner/app", "1", undefined]);
  assert.deepEqual(registry("docker://debian"), ["docker.io", "library/debian", "latest", undefined]);
});

test("hosts, ports, tags and digests", () => {
  assert.deepEqual(registry("localhost/a"), ["localhost", "a", "latest", undefined]);
  assert.deepEqual(registry("localhost:5000/a/b/c:v1.2_x-y"), ["localhost:5000", "a/b/c", "v1.2_x-y", undefined]);
  assert.deepEqual(registry("[::1]:5000/a"), ["[::1]:5000", "a", "latest", undefined]);
  assert.deepEqual(registry("ghcr.io/o/a__b-c.d"), ["ghcr.io", "o/a__b-c.d", "latest", undefined]);
  assert.deepEqual(registry(`a@sha256:${HEX}`), ["docker.io", "library/a", undefined, `sha256:${HEX}`]);
  assert.deepEqual(registry(`a:tag@sha256:${HEX}`), ["docker.io", "library/a", "tag", `sha256:${HEX}`]);
});

test("folders and archives", () => {
  assert.deepEqual(parseReference("oci:/a/b"), { kind: "oci", path: "/a/b", name: undefined });
  assert.deepEqual(parseReference("oci:/a/b:1.0"), { kind: "oci", path: "/a/b", name: "1.0" });
  assert.deepEqual(parseReference("oci-archive:x.tar"), { kind: "oci-archive", path: "x.tar", name: undefined });
  const named = { kind: "docker-archive", path: "x.tar", name: "docker.io/a/b:1" };
  assert.deepEqual(parseReference("docker-archive:x.tar:docker.io/a/b:1"), named);
});

for (const text of [
  "",
  ":",
  "/",
  "a/",
  "/a",
  "a//b",
  "UPPER",
  "host.io/Upper",
  "a:",
  "a:-tag",
  `a:${"t".repeat(129)}`,
  "a b",
  "a\n",
  "a/../b",
  "../a",
  "a@",
  "a@sha256:short",
  `a@sha256:${HEX.toUpperCase()}`,
  `a@md5:${HEX.slice(32)}`,
  `a@sha256:${HEX}@sha256:${HEX}`,
  "http://host/a",
  "host:port/a",
  "user@host.io/a",
  "-a",
  "a.",
  "a___b",
  "r".repeat(256),
  "oci:",
  "oci::tag",
  "oci:/a:",
  "oci:/a\0b",
]) {
  test(`no reference: ${JSON.stringify(text.slice(0, 40))}`, () => {
    assert.throws(() => parseReference(text), { code: "REFERENCE_INVALID" });
  });
}

test("what is formatted reads back the same, and nothing but REFERENCE_INVALID is thrown", () => {
  const part = fc.stringMatching(/^[a-z0-9]+([._-][a-z0-9]+)*$/, { maxLength: 20 });
  const tag = fc.stringMatching(/^\w[\w.-]{0,30}$/);
  fc.assert(
    fc.property(
      fc.constantFrom("docker.io/", "host.io/", "localhost:80/"),
      part,
      part,
      fc.option(tag),
      (host, a, b, t) => {
        const reference = parseReference(`${host}${a}/${b}${t === null ? "" : `:${t}`}`);
        assert.deepEqual(parseReference(formatReference(reference)), reference);
      },
    ),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 80 }), (text) => {
      try {
        const reference = parseReference(text);
        assert.deepEqual(parseReference(formatReference(reference)), reference);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "REFERENCE_INVALID");
      }
    }),
  );
});
