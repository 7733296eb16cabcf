import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "../../lib/errors.ts";
import { archivePlace, catalogPlace } from "./catalog-place.ts";

test("a catalog lies on a web server, in a registry, or here", () => {
  assert.deepEqual(catalogPlace("file:///srv/catalog.json", []), { kind: "file", path: "/srv/catalog.json" });
  assert.equal(catalogPlace("https://example.org/catalog.json", []).kind, "web");
  assert.equal(catalogPlace("http://lan:81/catalog.json", ["lan:81"]).kind, "web");
  const place = catalogPlace("oci://example.org/team/kernels", []);
  assert.ok(place.kind === "registry");
  assert.equal(place.reference.tag, "catalog");
  assert.deepEqual(archivePlace("a/k.tar.zst", "file:///srv/catalog.json", []), {
    kind: "file",
    path: "/srv/a/k.tar.zst",
  });
});

test("what lies nowhere is refused with what to write, and no password is shown", () => {
  for (const [url, fix] of [
    ["http://lan:81/catalog.json", /insecure_registries/],
    ["file://srv/catalog.json", /three slashes/],
    ["https://[/", /https:/],
    ["oci:///", /./],
    ["https://me:secret@example.org/catalog.json", /leave it out/],
  ] as const) {
    assert.throws(
      () => catalogPlace(url, []),
      (error) => {
        assert.ok(error instanceof BangerError, url);
        assert.match(error.fix, fix);
        assert.doesNotMatch(`${error.what} ${error.why} ${error.fix}`, /secret/);
        return true;
      },
    );
  }
});
