import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "../../lib/errors.ts";
import { archivePlace, catalogPlace, linkedByCatalog } from "./catalog-place.ts";

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

test("an archive's server is the user's word on the catalog's own host, and another's elsewhere", () => {
  const linkedBy = (archive: string, catalog: string): unknown =>
    linkedByCatalog(archivePlace(archive, catalog, []), catalog);
  const away = "https://example.org/catalog.json";
  for (const archive of ["k.tar.zst", "https://example.org:444/k", "oci://example.org/kernels"])
    assert.equal(linkedBy(archive, away), undefined, archive);
  for (const archive of ["https://example.com/k", "http://127.0.0.1:81/k", "oci://localhost:5000/kernels"])
    assert.deepEqual(linkedBy(archive, away), { isHere: false }, archive);
  assert.deepEqual(linkedBy("oci://localhost/kernels", "oci://example.org/kernels"), { isHere: false });
  assert.equal(linkedBy("http://127.0.0.1:81/k", "http://localhost/catalog.json"), undefined);
  assert.equal(linkedBy("http://127.0.0.1:81/k", "file:///srv/catalog.json"), undefined);
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
